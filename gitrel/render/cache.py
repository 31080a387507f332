"""What was rendered once is not rendered again: a memory keyed by the content of everything that was read.

A thousand unchanged environments cost a thousand hashes. Nothing is stored on disk, so nothing can be
tampered with or go stale.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import orjson

from gitrel.render.manifest import Rendered
from gitrel.render.release import render_release, template_context
from gitrel.render.template import TemplateWorkers
from gitrel.repo.model import Catalog

ENTRIES_MAX = 20_000


class CachingRenderer:
    """`renderer(catalog, component, version, environment)` → Rendered; safe to use from several threads."""

    def __init__(self, workers: TemplateWorkers, entries_max: int = ENTRIES_MAX) -> None:
        self._workers = workers
        self._entries_max = entries_max
        self._entries: OrderedDict[bytes, Rendered] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, catalog: Catalog, component: str, version: str, environment: str) -> Rendered:
        key = _key(catalog, component, version, environment)
        with self._lock:
            if key is not None and (known := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
                return known
        rendered = render_release(catalog, component, version, environment, self._workers)
        if key is not None:
            with self._lock:
                self._entries[key] = rendered
                while len(self._entries) > self._entries_max:
                    self._entries.popitem(last=False)
        return rendered


def _key(catalog: Catalog, component: str, version: str, environment: str) -> bytes | None:
    """A digest over all that rendering reads; None where there is nothing to render."""
    part, place = catalog.components.get(component), catalog.environments.get(environment)
    target = part.versions.get(version) if part else None
    if part is None or place is None or target is None:
        return None
    context = template_context(catalog, part, target, place)
    # The order of keys counts, as a template may walk through a map; the origin counts because problems
    # and manifests name their files.
    read = (
        target.source_digest,
        target.origin.file,
        part.renderer,
        catalog.pipeline.kubernetes_version,
        context,
    )
    return hashlib.sha256(orjson.dumps(read)).digest()

"""What was rendered once is not rendered again, as long as nothing that it really read has changed.

A rendering is found by its place (component, version, environment) and holds good while every input that it
recorded has the digest of then (`reads`). Across processes a store may keep what rendering came to, a digest
and problems, which is all that checking needs; and for those who compare with clusters the manifests too,
except of releases that hold a secret (`kept`).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import orjson

from gitrel.render.kept import (
    Trace,
    decode_judgements,
    decode_rendered,
    encode_judgements,
    encode_rendered,
    judgement_of,
    may_be_kept,
)
from gitrel.render.manifest import Judgement, Rendered
from gitrel.render.reads import Inputs, digest_of_bytes
from gitrel.render.release import render_release, template_context
from gitrel.render.sops import Safe
from gitrel.render.template import TemplateWorkers
from gitrel.render.tools import Tools
from gitrel.repo.model import Catalog, Component, Environment, Version

ENTRIES_MAX = 20_000
TRACES_MAX = 4
"""How many outcomes of one place are kept: going back and forth between a few branches costs nothing."""

_T = TypeVar("_T")


class Store(Protocol):
    """Keeps texts under keys beyond this process. May forget anything at any time; never raises."""

    def get(self, key: bytes) -> bytes | None: ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def flush(self) -> None: ...


class CachingRenderer:
    """`renderer(catalog, component, version, environment)` → Rendered; safe to use from several threads.

    `program` stands for everything that is not in the repository: the versions of gitrel and of its tools.
    With `manifests` whatever is judged is likely to be wanted whole soon, and is kept whole.
    `learn` is told every value that is decrypted on the way, so that it can be hidden.
    """

    def __init__(
        self,
        workers: TemplateWorkers,
        entries_max: int = ENTRIES_MAX,
        *,
        store: Store | None = None,
        program: str = "",
        tools: Tools | None = None,
        learn: Callable[[str], None] | None = None,
        manifests: bool = False,
    ) -> None:
        self._workers = workers
        self._tools = tools or Tools()
        self._safe = Safe(self._tools, learn)
        self._store = store
        self._manifests = manifests
        self.program = program
        self._rendered: _Memory[Rendered] = _Memory(entries_max)
        self._judged: _Memory[Judgement] = _Memory(entries_max * 5)
        self._latest: _Places | None = None

    def __call__(self, catalog: Catalog, component: str, version: str, environment: str) -> Rendered:
        place = self._place(catalog, component, version, environment)
        if place is None:
            return self._render(catalog, component, version, environment)
        key, inputs = place
        if (found := self._rendered.find(key, inputs)) is not None:
            return found.outcome
        if (known := self._stored_whole(key, inputs)) is None:
            known = self._render(catalog, component, version, environment)
            self._keep(key, known)
            self._keep_whole(key, known)
        self._rendered.add(key, Trace(known.reads, known))
        return known

    def judge(self, catalog: Catalog, component: str, version: str, environment: str) -> Judgement:
        """What the release is, without its manifests; without rendering where that is known already."""
        place = self._place(catalog, component, version, environment)
        if place is None:
            return judgement_of(self._render(catalog, component, version, environment))
        key, inputs = place
        if known := self._judged.find(key, inputs):
            return known.outcome
        for trace in self._stored(key):
            if inputs.still(trace.reads):
                self._judged.add(key, trace)
                return trace.outcome
        if rendered := self._rendered.find(key, inputs):
            return judgement_of(rendered.outcome)
        if self._manifests:
            return judgement_of(self(catalog, component, version, environment))
        return self._keep(key, self._render(catalog, component, version, environment))

    def recall(self, key: bytes) -> bytes | None:
        """What `remember` kept under the key, if it is still there."""
        return self._store.get(key) if self._store is not None else None

    def remember(self, key: bytes, value: bytes) -> None:
        """Keeps a result that is made of renderings, under a key of everything that it depends on."""
        if self._store is not None:
            self._store.put(key, value)

    def save(self) -> None:
        """Writes down what was rendered since: for a quiet moment. Never raises."""
        if self._store is not None:
            self._store.flush()

    def _render(self, catalog: Catalog, component: str, version: str, environment: str) -> Rendered:
        return render_release(
            catalog, component, version, environment, self._workers, self._tools, self._safe
        )

    def _keep(self, key: bytes, rendered: Rendered) -> Judgement:
        trace = Trace(rendered.reads, judgement_of(rendered))
        self._judged.add(key, trace)
        if self._store is not None and rendered.lasting:
            older = [old for old in self._stored(key) if old.reads != trace.reads]
            self._store.put(key, encode_judgements([trace, *older][:TRACES_MAX]))
        return trace.outcome

    def _keep_whole(self, key: bytes, rendered: Rendered) -> None:
        if self._store is not None and self._manifests and may_be_kept(rendered):
            self._store.put(_whole(key, rendered.reads), encode_rendered(rendered))

    def _stored_whole(self, key: bytes, inputs: Inputs) -> Rendered | None:
        if self._store is None or not self._manifests:
            return None
        # What was judged a moment ago need not be looked for a second time.
        judged = self._judged.find(key, inputs)
        traces = [judged] if judged else (one for one in self._stored(key) if inputs.still(one.reads))
        for trace in traces:
            if (data := self._store.get(_whole(key, trace.reads))) is not None:
                return decode_rendered(data)
        return None

    def _stored(self, key: bytes) -> Sequence[Trace[Judgement]]:
        data = self._store.get(key) if self._store is not None else None
        return decode_judgements(data) if data is not None else ()

    def _place(
        self, catalog: Catalog, component: str, version: str, environment: str
    ) -> tuple[bytes, Inputs] | None:
        """Under which key the release is kept, and what it would read; None where it does not exist."""
        part, place = catalog.components.get(component), catalog.environments.get(environment)
        target = part.versions.get(version) if part else None
        if part is None or place is None or target is None:
            return None
        places = self._latest
        if places is None or places.part is not part or places.catalog is not catalog:
            places = self._latest = _Places(catalog, part)
        known = places.known.get((version, environment))
        if known is None:
            known = places.known[version, environment] = self._new_place(places, target, place)
        return known

    def _new_place(self, places: _Places, target: Version, environment: Environment) -> tuple[bytes, Inputs]:
        catalog, part = places.catalog, places.part
        context = places.contexts.get(environment.name)
        if context is None:
            context = Inputs({}, template_context(catalog, part, target, environment))
            places.contexts[environment.name] = context
        kubernetes = catalog.pipeline.kubernetes_version
        # What is encrypted is checked by its type when it is opened; all else was checked by the catalog.
        types = digest_of_bytes(part.types.data) if part.types and catalog.sealed else ""
        parts = (self.program, target.origin.file, environment.name, part.renderer, kubernetes, types)
        inputs = context.with_version({file.path: file.data for file in target.files}, target.name)
        return hashlib.sha256("\0".join(parts).encode()).digest(), inputs


@dataclass(frozen=True, slots=True)
class _Places:
    """What is known of the places of one component, which are asked for one after another, and again."""

    catalog: Catalog
    part: Component
    contexts: dict[str, Inputs] = field(default_factory=dict)
    known: dict[tuple[str, str], tuple[bytes, Inputs]] = field(default_factory=dict)


def _whole(key: bytes, reads: Mapping[str, str]) -> bytes:
    """The key of the manifests that came of these reads; the judgements under `key` name them all."""
    return hashlib.sha256(key + orjson.dumps(reads)).digest()


class _Memory(Generic[_T]):
    """A bounded number of traces by key; those that nobody asked for in the longest time go first."""

    def __init__(self, traces_max: int) -> None:
        self._traces_max = traces_max
        self._traces = 0
        self._entries: OrderedDict[bytes, list[Trace[_T]]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: bytes, inputs: Inputs) -> Trace[_T] | None:
        with self._lock:
            traces = self._entries.get(key, [])
            for index, trace in enumerate(traces):
                if inputs.still(trace.reads):
                    traces.insert(0, traces.pop(index))
                    self._entries.move_to_end(key)
                    return trace
        return None

    def add(self, key: bytes, trace: Trace[_T]) -> None:
        with self._lock:
            traces = self._entries.setdefault(key, [])
            traces.insert(0, trace)
            self._traces += 1
            self._entries.move_to_end(key)
            if len(traces) > TRACES_MAX:
                self._drop(key, traces)
            while self._traces > self._traces_max:
                oldest = next(iter(self._entries))
                self._drop(oldest, self._entries[oldest])

    def _drop(self, key: bytes, traces: list[Trace[_T]]) -> None:
        traces.pop()
        self._traces -= 1
        if not traces:
            del self._entries[key]

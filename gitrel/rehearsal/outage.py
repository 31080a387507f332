"""A backend that does not answer for a while: the same protocol, with `Unreachable` in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gitrel.backends.backend import Backend
from gitrel.errors import Unreachable
from gitrel.kube.identity import Object, Ref


class InterruptedBackend:
    """Hands every call on to `inner`, unless `is_out()` says that the cluster does not answer now."""

    def __init__(self, inner: Backend, name: str, is_out: Callable[[], bool]) -> None:
        self._inner = inner
        self._name = name
        self._is_out = is_out

    def _answering(self) -> Backend:
        if self._is_out():
            raise Unreachable(f"cluster {self._name} does not answer")
        return self._inner

    def identity(self) -> str:
        return self._answering().identity()

    def read(
        self, objects: Iterable[Mapping[str, Any]], *, recent: bool = False, coming: bool = False
    ) -> dict[Ref, Object]:
        return self._answering().read(objects, recent=recent, coming=coming)

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        selector: Mapping[str, str] | None = None,
        *,
        recent: bool = False,
    ) -> Sequence[Object]:
        return self._answering().list(api_version, kind, namespace, selector, recent=recent)

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, force: bool = False) -> Object:
        return self._answering().apply(obj, dry_run=dry_run, force=force)

    def patch(self, obj: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> Object:
        return self._answering().patch(obj, operations)

    def delete(self, obj: Mapping[str, Any]) -> bool:
        return self._answering().delete(obj)

    def changed_since(self, mark: str, owner: str = "") -> tuple[str, bool]:
        return self._answering().changed_since(mark, owner)

    def next_change_due(self) -> datetime | None:
        """Known even while nobody answers: the cluster lives on behind the outage."""
        return self._inner.next_change_due()

    def close(self) -> None:
        self._inner.close()

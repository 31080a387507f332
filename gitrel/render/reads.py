"""What a rendering really read, by name, and whether it would read the same again.

A template asks for parameters, flags and files while it runs; each is recorded under a name when it is asked
for. Later the same names are looked up in the inputs of then: if every digest is the one that was recorded,
the rendering would do the same again, whatever else has changed.

    component, version, namespace      a plain input
    parameters.replicas                one key of a map of the context; an absent one counts too
    parameters                         the whole map, because somebody walked through it
    file:web.yaml                      one file of the version; an absent one counts too
    listing                            the names of all files of the version
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

MAPS = ("parameters", "flags", "environment")
"""The maps of the context whose keys are recorded one by one; what lies deeper counts with its key."""
LISTING = "listing"
FILE = "file:"
ABSENT = ""
_DIGEST_BYTES = 16


def digest_of_bytes(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def digest_of_value(value: Any) -> str:
    """Of plain data. The order of keys counts, as a template may walk through a map."""
    return digest_of_bytes(orjson.dumps(value))


class Recorded(dict[str, Any]):
    """A map of the context that notes what is asked of it. A key at a time, or all of it at once.

    Whatever C code may do to a dict without asking it is either overridden or cannot be reached from a
    template; see the tests, which try each way.
    """

    __slots__ = ("_name", "_names")

    def __init__(self, values: Mapping[str, Any], name: str, names: set[str]) -> None:
        super().__init__(values)
        self._name, self._names = name, names

    def all(self) -> None:
        """Somebody may see everything that is in it."""
        self._names.add(self._name)

    def one(self, key: Any) -> None:
        if isinstance(key, str):
            self._names.add(f"{self._name}.{key}")

    def __contains__(self, key: object) -> bool:
        self.one(key)
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self.one(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.one(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.all()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self.all()
        return super().__reversed__()

    def __len__(self) -> int:
        self.all()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.all()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self.all()
        return super().__ne__(other)

    __hash__ = None  # as for every dict

    def __or__(self, other: Any) -> Any:
        self.all()
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:
        self.all()
        return super().__ror__(other)

    def __repr__(self) -> str:
        self.all()
        return super().__repr__()

    def keys(self) -> Any:
        self.all()
        return super().keys()

    def values(self) -> Any:
        self.all()
        return super().values()

    def items(self) -> Any:
        self.all()
        return super().items()

    def copy(self) -> dict[str, Any]:
        self.all()
        return dict(super().items())


def recording(context: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """The context with maps that write into `names` what is asked of them."""
    return {
        key: Recorded(value, key, names) if key in MAPS and isinstance(value, dict) else value
        for key, value in context.items()
    }


class Inputs:
    """Everything that a rendering may ask for, and the digest of each part by its name.

    `beneath` answers for the context, so that several versions of one component work it out once.
    """

    def __init__(
        self, files: Mapping[str, bytes], context: Mapping[str, Any], beneath: Inputs | None = None
    ) -> None:
        self._files = files
        self._context = context
        self._beneath = beneath
        self._known: dict[str, str] = {}

    def with_version(self, files: Mapping[str, bytes], version: str) -> Inputs:
        """The same inputs for one version's files and name."""
        return Inputs(files, {"version": version}, self)

    @property
    def context(self) -> Mapping[str, Any]:
        """What a template may name, with secrets as ciphertext."""
        return self._context if self._beneath is None else {**self._beneath.context, **self._context}

    def seal(self, names: Iterable[str]) -> str:
        """One digest of what a rendering read that saw secrets. It covers the ciphertext, which is public
        anyway: a digest of the result could be tried against guesses."""
        return digest_of_value(self.digests(names))

    def digest(self, name: str) -> str:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._compute(name)
        return found

    def _compute(self, name: str) -> str:
        if name == LISTING:
            return digest_of_value(sorted(self._files))
        if name.startswith(FILE):
            data = self._files.get(name.removeprefix(FILE))
            return ABSENT if data is None else digest_of_bytes(data)
        top, dot, key = name.partition(".")
        if top not in self._context:
            return self._beneath.digest(name) if self._beneath is not None else ABSENT
        value = self._context[top]
        if not dot:
            return digest_of_value(value)
        return digest_of_value(value[key]) if key in value else ABSENT

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.digest(name) for name in sorted(names)}

    def still(self, reads: Mapping[str, str]) -> bool:
        """Whether everything that was read then is the same now."""
        return all(self.digest(name) == digest for name, digest in reads.items())

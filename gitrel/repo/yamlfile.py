"""Strict YAML: plain values that know where they were written, or problems with a file, line and column.

libyaml reads; this module decides. Duplicate keys, unknown tags, keys that are not text and recursive
anchors are refused, unquoted scalars follow `yamlscalars`, and every limit is checked before it can cost
memory. Anchors and merge keys (`<<`) work as in kubectl.

    limit                          value        why
    bytes of a file                4 MiB        an object in Kubernetes may have 1.5 MiB
    characters of one scalar       1 MiB        the limit of a ConfigMap or Secret
    depth of nesting               128          the deepest published CRDs have about half
    nodes of a file                200,000      a parsed node takes about 1 KiB
    size after expanding aliases   16 MiB       a bomb of 300 bytes expands to gigabytes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode, YAMLError
from yaml._yaml import CParser
from yaml.events import CollectionEndEvent, CollectionStartEvent, Event

from gitrel.errors import InvalidRepository, Problem
from gitrel.repo.text import read_text
from gitrel.repo.yamlconstruct import DEPTH_MAX, PLAIN, TEXT, UNTAGGED, Constructor, key_index
from gitrel.repo.yamlerrors import describe

BYTES_MAX = 4 * 1024 * 1024
NODES_MAX = 200_000
_DEPTH_SAFE = 1000
"""libyaml's composer is recursive C: deeper than this is measured by events before it may run."""

PathStep = str | int


class Marks:
    """Where each part of a document stands. A path is the keys and indexes from the document's root."""

    __slots__ = ("_indexes", "_root")

    def __init__(self, root: Node) -> None:
        self._root = root
        self._indexes: dict[int, dict[str, tuple[Node, Node]]] = {}

    def at(self, path: Sequence[PathStep] = ()) -> tuple[int, int]:
        """Line and column of the key or list item that `path` ends in; of its nearest ancestor that is
        written if it is not there."""
        return _place(self._find(path)[0])

    def value_at(self, path: Sequence[PathStep] = ()) -> tuple[int, int]:
        """Line and column of the value at `path`, which may stand on a later line than its key."""
        return _place(self._find(path)[1])

    def _find(self, path: Sequence[PathStep]) -> tuple[Node, Node]:
        at = node = self._root
        for step in path:
            if isinstance(node, MappingNode):
                index = self._indexes.get(id(node))
                if index is None:
                    index = self._indexes[id(node)] = key_index(node)
                found = index.get(str(step))
                if found is None:
                    return at, node
                at, node = found
            elif isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
                at = node = node.value[step]
            else:
                return at, node
        return at, node


def _place(node: Node) -> tuple[int, int]:
    mark = node.start_mark
    return mark.line + 1, mark.column + 1


@dataclass(frozen=True, slots=True)
class Document:
    """One document that is not empty. `index` counts all documents of the file from 0, empty ones too."""

    value: Any
    marks: Marks
    line: int
    index: int


def load(data: bytes, file: str) -> list[Document]:
    """The documents of one file, empty ones skipped. Raises InvalidRepository with every error in it."""
    documents, problems = read_documents(data, file)
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise InvalidRepository(errors)
    return list(documents)


def read_documents(data: bytes, file: str) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The documents of one file and everything that is wrong or doubtful in it; never raises.

    With an error among the problems the documents are incomplete and must not be used.
    """
    if len(data) > BYTES_MAX:
        what = f"the file has {len(data):,} bytes; the limit is {BYTES_MAX:,}"
        return (), (Problem(file, 0, 0, what, "split it: one object a file"),)
    text, problems = read_text(data, file)
    if problems or not text:
        return (), problems
    if refused := _too_large(text, file):
        return (), (refused,)
    return _compose(text, file)


def _compose(text: str, file: str) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for index, root in enumerate(_roots(text)):
            if isinstance(root, ScalarNode) and root.value == "" and root.tag == PLAIN:
                continue
            constructor = Constructor(file, expanding="&" in text)
            value = constructor.construct(root)
            problems += constructor.problems
            documents.append(Document(value, Marks(root), _place(root)[0], index))
    except YAMLError as error:
        problems.append(describe(error, text, file))
    return tuple(documents), tuple(problems)


class _Composer(CParser):
    """libyaml's parser and composer; instead of guessing types it marks what was written without quotes."""

    def resolve(self, kind: type[Node], _value: object, implicit: tuple[bool, bool]) -> str:
        if kind is not ScalarNode:
            return UNTAGGED
        return PLAIN if implicit[0] else TEXT

    def descend_resolver(self, parent: Node | None, index: object) -> None:
        """Called by the composer on the way down; paths decide nothing here."""

    def ascend_resolver(self) -> None:
        """Called by the composer on the way up."""


def _roots(text: str) -> Iterator[Node]:
    loader = _Composer(text)
    try:
        while loader.check_node():
            root = loader.get_node()
            assert root is not None
            yield root
    finally:
        loader.dispose()


_INDENTATION = re.compile(r"^[ \-?]{200}", re.MULTILINE)


def _too_large(text: str, file: str) -> Problem | None:
    """Depth and number of nodes, before the composer may build anything.

    Counting characters gives an upper bound in no time; only a file beyond it is walked event by event,
    which stops at the first limit it meets.
    """
    brackets = text.count("[") + text.count("{")
    nodes = (
        brackets
        + text.count(",")
        + text.count("\n")
        + text.count("\r")
        + 2 * text.count(":")
        + text.count("- ")
    )
    deep = brackets > _DEPTH_SAFE or _INDENTATION.search(text) is not None
    return _walk_events(text, file) if deep or nodes > NODES_MAX else None


def _walk_events(text: str, file: str) -> Problem | None:
    loader = CParser(text)
    depth = nodes = 0
    try:
        while (event := loader.get_event()) is not None:
            nodes += 1
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth > DEPTH_MAX:
                return _limit(event, file, f"nested deeper than {DEPTH_MAX} levels", "flatten it")
            if nodes > NODES_MAX:
                return _limit(event, file, f"more than {NODES_MAX:,} values", "split the file")
    except YAMLError as error:
        return describe(error, text, file)
    finally:
        loader.dispose()
    return None


def _limit(event: Event, file: str, what: str, todo: str) -> Problem:
    mark = event.start_mark
    assert mark is not None
    return Problem(file, mark.line + 1, mark.column + 1, what, todo)

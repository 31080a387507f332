"""YAML nodes → plain values: the strict half of the reader, where duplicate keys, tags, anchors and the
expanded size are judged.

A value that is reached by several aliases is one shared object, as everywhere in gitrel nobody edits it in
place. What it would cost to write it out is counted at each use, so that a bomb is refused before anybody
walks it.
"""

from __future__ import annotations

from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from gitrel.errors import Problem
from gitrel.repo.yamlscalars import read_scalar

DEPTH_MAX = 128
SCALAR_MAX = 1024 * 1024
EXPANDED_MAX = 16 * 1024 * 1024
PROBLEMS_MAX = 100

PLAIN = "plain"
"""The tag of an unquoted scalar without a tag: its text decides what it is."""
TEXT = "tag:yaml.org,2002:str"
UNTAGGED = ""
"""The tag of a map or list without a tag."""

_STANDARD = "tag:yaml.org,2002:"
_MAP_TAGS = frozenset((UNTAGGED, _STANDARD + "map"))
_LIST_TAGS = frozenset((UNTAGGED, _STANDARD + "seq"))
_TEXT_TAGS = frozenset((TEXT, _STANDARD + "timestamp"))
_TYPED_TAGS: dict[str, tuple[type, ...]] = {
    _STANDARD + "int": (int,),
    _STANDARD + "float": (int, float),
    _STANDARD + "bool": (bool,),
    _STANDARD + "null": (type(None),),
}
_FILE_MODES = ("mode", "defaultMode")


class _Refused(Exception):
    """Stops the construction of one document; its problem is the last one recorded."""


class _Open:
    """Marks a node whose children are being read: meeting it again means that it contains itself."""


Known = tuple[Any, int, int]
"""A finished collection: its value, its expanded size, and the levels below it."""


class Constructor:
    """Builds the value of one document and records what is wrong with it in `problems`.

    `expanding` says that the document may hold anchors; without them sizes need not be counted.
    """

    def __init__(self, file: str, *, expanding: bool) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._expanding = expanding
        self._known: dict[int, Known | type[_Open]] = {}
        self._size = 0
        self._reach = 0

    def construct(self, root: Node) -> Any:
        """The document's value; None where it had to be given up, with the reason among the problems."""
        try:
            return self._value(root, 1, "")
        except _Refused:
            return None

    def _value(self, node: Node, depth: int, key: str) -> Any:
        if type(node) is ScalarNode:
            return self._scalar(node, key)
        if depth > DEPTH_MAX:
            raise self._refuse(node, f"nested deeper than {DEPTH_MAX} levels", "flatten it")
        if not self._expanding:
            return self._collection(node, depth)
        known = self._known.get(id(node))
        return self._first(node, depth) if known is None else self._again(node, known, depth)

    def _first(self, node: Node, depth: int) -> Any:
        size, reach = self._size, self._reach
        self._known[id(node)] = _Open
        self._reach = depth
        value = self._collection(node, depth)
        self._known[id(node)] = (value, self._size - size, self._reach - depth)
        self._reach = max(reach, self._reach)
        return value

    def _again(self, node: Node, known: Known | type[_Open], depth: int) -> Any:
        if isinstance(known, type):
            raise self._refuse(node, "this anchor contains an alias of itself", "write the value out")
        value, size, height = known
        self._grow(node, size)
        self._reach = max(self._reach, depth + height)
        if self._reach > DEPTH_MAX:
            raise self._refuse(node, f"aliases nest deeper than {DEPTH_MAX} levels", "flatten it")
        return value

    def _grow(self, node: Node, size: int) -> None:
        self._size += size
        if self._size > EXPANDED_MAX:
            what = f"aliases expand to more than {EXPANDED_MAX:,} characters"
            raise self._refuse(node, what, "write fewer aliases of this anchor")

    def _collection(self, node: Node, depth: int) -> Any:
        if self._expanding:
            self._grow(node, 2)
        if isinstance(node, MappingNode):
            self._check_tag(node, _MAP_TAGS)
            return self._mapping(node, depth)
        self._check_tag(node, _LIST_TAGS)
        return [self._value(child, depth + 1, "") for child in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in lines:
                line = lines[key]
                self._error(key_node, f"duplicate key {key!r}, first on line {line}", "keep one of the two")
                continue
            lines[key] = key_node.start_mark.line + 1
            if key == "<<" and key_node.tag == PLAIN:
                merged = self._merge_sources(value_node, depth)
            else:
                result[key] = self._value(value_node, depth + 1, key)
        for source in merged:
            result = {**source, **result}
        return result

    def _merge_sources(self, node: Node, depth: int) -> list[dict[str, Any]]:
        """The maps that `<<` names; of a list the earlier ones win."""
        value = self._value(node, depth + 1, "<<")
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(source, dict) for source in sources):
            return sources
        self._error(node, "'<<' merges something that is not a map", "name a map, or a list of maps")
        return []

    def _key(self, node: Node) -> str:
        if type(node) is not ScalarNode:
            todo = "quote it if it is a template expression such as '{{ name }}'"
            raise self._refuse(node, "a map or list cannot be a key", todo)
        text: str = node.value
        if self._expanding:
            self._grow(node, len(text) + 2)
        if node.tag == PLAIN:
            self._check_plain_key(node, text)
        elif node.tag not in _TEXT_TAGS and node.tag not in _TYPED_TAGS:
            self._unknown_tag(node)
        return text

    def _check_plain_key(self, node: Node, text: str) -> None:
        try:
            value, note = read_scalar(text)
        except ValueError:
            return
        if value is None:
            self._error(node, "a key is missing before ':'", "write the key, or quote it if it is text")
        elif note:
            what = f"the key {text!r} stays text here, but kubectl would make it {str(value).lower()!r}"
            self._warn(node, what, f'quote it: "{text}"')

    def _scalar(self, node: ScalarNode, key: str) -> Any:
        text: str = node.value
        if len(text) > SCALAR_MAX:
            what = f"a value of {len(text):,} characters; the limit is {SCALAR_MAX:,}"
            raise self._refuse(node, what, "keep it in a file or a store of its own")
        if self._expanding:
            self._grow(node, len(text) + 2)
        tag = node.tag
        if tag == PLAIN:
            return self._plain(node, text, key)
        if tag in _TEXT_TAGS:
            return text
        if types := _TYPED_TAGS.get(tag):
            value = self._plain(node, text, "mode")  # the tag says what is meant: no note
            if type(value) not in types:
                self._error(node, f"the value is not what its tag {_shown(tag)} says", "drop the tag")
            return value
        self._unknown_tag(node)
        return None

    def _plain(self, node: Node, text: str, key: str) -> Any:
        try:
            value, note = read_scalar(text)
        except ValueError as error:
            self._error(node, str(error), "quote it if text is meant")
            return None
        if note and key not in _FILE_MODES:
            self._warn(node, note, "write it so, or quote it if text is meant")
        return value

    def _check_tag(self, node: Node, allowed: frozenset[str]) -> None:
        if node.tag not in allowed:
            self._unknown_tag(node)

    def _unknown_tag(self, node: Node) -> None:
        todo = "write base64 as text" if node.tag == _STANDARD + "binary" else "remove it"
        self._error(node, f"the tag {_shown(node.tag)} is not allowed", todo)

    def _refuse(self, node: Node, what: str, todo: str) -> _Refused:
        mark = node.start_mark
        self.problems.append(Problem(self._file, mark.line + 1, mark.column + 1, what, todo))
        return _Refused()

    def _error(self, node: Node, what: str, todo: str) -> None:
        if len(self.problems) >= PROBLEMS_MAX:
            raise self._refuse(node, f"more than {PROBLEMS_MAX} problems in one document", "fix these first")
        self._refuse(node, what, todo)

    def _warn(self, node: Node, what: str, todo: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            mark = node.start_mark
            place = (mark.line + 1, mark.column + 1)
            self.problems.append(Problem(self._file, *place, what, todo, "warning"))


def key_index(node: MappingNode) -> dict[str, tuple[Node, Node]]:
    """Key → (key node, value node), with the keys that `<<` merges in; the map's own win."""
    merged: dict[str, tuple[Node, Node]] = {}
    own: dict[str, tuple[Node, Node]] = {}
    for key, value in node.value:
        if key.value == "<<" and key.tag == PLAIN:
            sources = value.value if isinstance(value, SequenceNode) else [value]
            for source in reversed(sources):
                if isinstance(source, MappingNode):
                    merged.update(key_index(source))
        elif isinstance(key, ScalarNode):
            own.setdefault(key.value, (key, value))
    return {**merged, **own}


def _shown(tag: str) -> str:
    return tag.replace(_STANDARD, "!!", 1)

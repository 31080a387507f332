"""A pattern of RE2 as a tree (github.com/google/re2/wiki/Syntax, without classes of Unicode's own)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitrel.kube.regex import BadPattern

REPEAT_MAX = 1000
DEPTH_MAX = 200
Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Letter:
    test: Test


@dataclass(frozen=True, slots=True)
class Assertion:
    """(text, position) → whether it holds there."""

    holds: Callable[[str, int], bool]


@dataclass(frozen=True, slots=True)
class Row:
    parts: Sequence[Node]


@dataclass(frozen=True, slots=True)
class Alternatives:
    options: Sequence[Node]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: Node
    least: int
    most: int | None
    lazy: bool


Node = Letter | Assertion | Row | Alternatives | Repeat


@dataclass(frozen=True, slots=True)
class Flags:
    fold: bool = False
    lines: bool = False
    dot_all: bool = False
    lazy: bool = False


def _word(letter: str) -> bool:
    return letter == "_" or (letter.isascii() and letter.isalnum())


_CLASSES: Mapping[str, Test] = {
    "d": lambda c: "0" <= c <= "9",
    "w": _word,
    "s": lambda c: c in "\t\n\f\r ",
}
_POSIX: Mapping[str, Test] = {
    "alnum": lambda c: c.isascii() and c.isalnum(),
    "alpha": lambda c: c.isascii() and c.isalpha(),
    "ascii": str.isascii,
    "blank": lambda c: c in "\t ",
    "cntrl": lambda c: c < " " or c == "\x7f",
    "digit": lambda c: "0" <= c <= "9",
    "graph": lambda c: "!" <= c <= "~",
    "lower": lambda c: "a" <= c <= "z",
    "print": lambda c: " " <= c <= "~",
    "punct": lambda c: "!" <= c <= "~" and not c.isalnum(),
    "space": lambda c: c in "\t\n\v\f\r ",
    "upper": lambda c: "A" <= c <= "Z",
    "word": _word,
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


def _bounded(text: str, at: int) -> bool:
    before = at > 0 and _word(text[at - 1])
    return before != (at < len(text) and _word(text[at]))


_BEGIN = Assertion(lambda text, at: at == 0)
_END = Assertion(lambda text, at: at == len(text))
_LINE_BEGIN = Assertion(lambda text, at: at == 0 or text[at - 1] == "\n")
_LINE_END = Assertion(lambda text, at: at == len(text) or text[at] == "\n")
_AT = {
    "A": _BEGIN,
    "z": _END,
    "b": Assertion(_bounded),
    "B": Assertion(lambda text, at: not _bounded(text, at)),
}


def parse(pattern: str) -> Node:
    """Raises BadPattern."""
    reader = _Reader(pattern)
    node = reader.alternatives(Flags(), 0)
    if reader.left:
        raise BadPattern(f"error parsing regexp: unexpected ): `{pattern}`")
    return node


def _negated(test: Test) -> Test:
    return lambda letter: not test(letter)


def _folded(test: Test, flags: Flags) -> Test:
    if not flags.fold:
        return test
    return lambda c: test(c) or test(c.lower()) or test(c.upper())


def _letter(wanted: str, flags: Flags) -> Node:
    return Letter(_folded(lambda c: c == wanted, flags))


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def left(self) -> str:
        return self._pattern[self._at :]

    def _takes(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _next(self, missing: str) -> str:
        if self._at >= len(self._pattern):
            raise BadPattern(f"error parsing regexp: {missing}: `{self._pattern}`")
        self._at += 1
        return self._pattern[self._at - 1]

    def alternatives(self, flags: Flags, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise BadPattern("error parsing regexp: expression nests too deeply")
        options: list[Node] = []
        parts: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] != ")":
            if self._takes("|"):
                options.append(Row(parts))
                parts = []
            elif self._takes("("):
                node, flags = self._opened(flags, depth)
                if node is not None:
                    parts.append(self._repeated(node, flags))
            else:
                parts.append(self._repeated(self._one(flags), flags))
        options.append(Row(parts))
        return Alternatives(options) if len(options) > 1 else options[0]

    def _opened(self, flags: Flags, depth: int) -> tuple[Node | None, Flags]:
        """A group behind its bracket, or the flags for what follows."""
        inner = flags
        if self._takes("?"):
            if self._takes("P<") or self._takes("<"):
                while self._next("invalid named capture") != ">":
                    pass
            else:
                inner = self._flags(flags)
                if self._takes(")"):
                    return None, inner
                self._next("missing closing )")
        return self._group(inner, depth), flags

    def _flags(self, flags: Flags) -> Flags:
        names = {"i": "fold", "m": "lines", "s": "dot_all", "U": "lazy"}
        on = True
        while not self.left.startswith((")", ":")):
            letter = self._next("missing closing )")
            if letter == "-":
                on = False
            elif letter in names:
                flags = replace(flags, **{names[letter]: on})
            else:
                raise BadPattern(f"error parsing regexp: invalid or unsupported Perl syntax: `(?{letter}`")
        return flags

    def _group(self, flags: Flags, depth: int) -> Node:
        node = self.alternatives(flags, depth + 1)
        if not self._takes(")"):
            raise BadPattern(f"error parsing regexp: missing closing ): `{self._pattern}`")
        return node

    def _one(self, flags: Flags) -> Node:
        letter = self._next("unexpected end")
        match letter:
            case ".":
                return Letter((lambda c: True) if flags.dot_all else (lambda c: c != "\n"))
            case "^":
                return _LINE_BEGIN if flags.lines else _BEGIN
            case "$":
                return _LINE_END if flags.lines else _END
            case "[":
                return Letter(_folded(self._class(), flags))
            case "\\":
                return self._escape(flags)
            case "*" | "+" | "?":
                raise BadPattern(f"error parsing regexp: missing argument to repetition operator: `{letter}`")
        return _letter(letter, flags)

    def _escape(self, flags: Flags) -> Node:
        letter = self._next("trailing backslash at end of expression")
        if letter in _AT:
            return _AT[letter]
        if letter.lower() in _CLASSES:
            return Letter(_class_test(letter))
        if letter == "Q":
            quoted, _, _ = self.left.partition("\\E")
            self._at += len(quoted) + (2 if "\\E" in self.left else 0)
            letters: list[Node] = [_letter(one, flags) for one in quoted]
            # What is repeated behind the quotation is its last letter.
            return Row([*letters[:-1], *(self._repeated(last, flags) for last in letters[-1:])])
        return _letter(self._escaped(letter), flags)

    def _escaped(self, letter: str) -> str:
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter == "x":
            if self._takes("{"):
                digits, found, _ = self.left.partition("}")
                self._at += len(digits) + len(found)
            else:
                digits = self.left[:2]
                self._at += 2
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise BadPattern("error parsing regexp: invalid escape sequence: `\\x`") from None
        if letter.isalnum():
            raise BadPattern(f"error parsing regexp: invalid escape sequence: `\\{letter}`")
        return letter

    def _repeated(self, node: Node, flags: Flags) -> Node:
        times = 0
        while (found := self._times()) is not None:
            times += 1
            if times > 2:
                raise BadPattern("error parsing regexp: invalid nested repetition operator")
            least, most = found
            node = Repeat(node, least, most, self._takes("?") != flags.lazy)
        return node

    def _times(self) -> tuple[int, int | None] | None:
        for sign, found in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return found
        inner, end, _ = self.left[1:].partition("}")
        low, comma, high = inner.partition(",")
        if not self.left.startswith("{") or not end or not low.isdecimal():
            return None
        if high and not high.isdecimal():
            return None
        self._at += len(inner) + 2
        least = int(low)
        most = int(high) if high else None if comma else least
        if max(least, most or 0) > REPEAT_MAX or (most is not None and most < least):
            raise BadPattern(f"error parsing regexp: invalid repeat count: `{{{inner}}}`")
        return least, most

    def _class(self) -> Test:
        negated = self._takes("^")
        tests: list[Test] = []
        first = True
        while first or not self._takes("]"):
            first = False
            tests.append(self._class_part())

        def test(letter: str) -> bool:
            return any(one(letter) for one in tests) != negated

        return test

    def _class_part(self) -> Test:
        if self._takes("[:"):
            name, _, _ = self.left.partition(":]")
            self._at += len(name) + 2
            found = _POSIX.get(name.removeprefix("^"))
            if found is None:
                raise BadPattern(f"error parsing regexp: invalid character class range: `[:{name}:]`")
            return _negated(found) if name.startswith("^") else found
        low = self._next("missing closing ]")
        if low == "\\":
            low = self._next("trailing backslash at end of expression")
            if low.lower() in _CLASSES:
                return _class_test(low)
            low = self._escaped(low)
        high = low
        if self.left.startswith("-") and not self.left.startswith("-]"):
            self._at += 1
            high = self._next("missing closing ]")
            if high == "\\":
                high = self._escaped(self._next("trailing backslash at end of expression"))
            if high < low:
                raise BadPattern(f"error parsing regexp: invalid character class range: `{low}-{high}`")
        return lambda letter: low <= letter <= high


def _class_test(letter: str) -> Test:
    found = _CLASSES[letter.lower()]
    return _negated(found) if letter.isupper() else found

"""An expression's text as tokens, and what its literals mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from gitrel.kube.cel.tree import BadExpression, complaint

SIZE_MAX = 16_384
"""Characters of an expression."""


class Token(NamedTuple):
    kind: str
    text: str
    at: int


_STRING = (
    r'"""(?:[^\\]|\\.)*?"""|'
    + r"'''(?:[^\\]|\\.)*?'''|"
    + r'"(?:[^"\\\n\r]|\\.)*"|'
    + r"'(?:[^'\\\n\r]|\\.)*'"
)
_RAW = r'"""[\s\S]*?"""|' + r"'''[\s\S]*?'''|" + r'"[^"\n\r]*"|' + r"'[^'\n\r]*'"
_TOKENS = re.compile(
    r"(?P<space>[ \t\n\f\r]+|//[^\n]*)"
    rf"|(?P<raw>(?:[rR][bB]?|[bB][rR])(?:{_RAW}))"
    rf"|(?P<bytes>[bB](?:{_STRING}))"
    rf"|(?P<string>{_STRING})"
    r"|(?P<double>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?))"
    r"|(?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)"
    r"|(?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)"
    r"|(?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)"
    r"|(?P<op>\[\?|\.\?|&&|\|\||==|!=|<=|>=|[.,:?(){}\[\]<>=!+\-*/%])",
    re.ASCII | re.DOTALL,
)
_ESCAPES: Mapping[str, str] = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "?": "?",
    "`": "`", '"': '"', "'": "'",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?`\"'])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.|\n))"
)
RESERVED = frozenset(
    ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
     "namespace", "return", "var", "void", "while")
)  # fmt: skip


def tokens(text: str) -> list[Token]:
    if len(text) > SIZE_MAX:
        raise BadExpression(f"the expression is longer than {SIZE_MAX} characters")
    found, at = [], 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise complaint(text, at, f"Syntax error: token recognition error at: '{text[at]}'")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, match[0], at))
        at = match.end()
    return [*found, Token("end", "<EOF>", len(text))]


def unquoted(body: str) -> str:
    size = 3 if body[:3] in ('"""', "'''") else 1
    return body[size:-size]


def unescaped(text: str, token: Token, *, of_bytes: bool) -> str:
    def letter(match: re.Match[str]) -> str:
        if match[1]:
            return _ESCAPES[match[1]]
        if match[2]:
            return chr(int(match[2], 16))
        if match[5]:
            return chr(int(match[5], 8))
        code = int(match[3] or match[4], 16) if not match[6] else -1
        if of_bytes or not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise complaint(text, token.at, f"Syntax error: invalid escape {match[0]}")
        return chr(code)

    return _ESCAPE.sub(letter, unquoted(token.text if not of_bytes else token.text[1:]))


def as_bytes(body: str) -> bytes:
    """Escapes up to \\xff are single bytes, everything else is UTF-8."""
    return b"".join(bytes([ord(c)]) if 0x80 <= ord(c) <= 0xFF else c.encode() for c in body)

"""CEL's grammar: text → tree. Macros are read here too, because they look like calls but bind variables.

The grammar of the language's specification (github.com/google/cel-spec, `doc/langdef.md`) with optional
syntax (`a.?b`, `a[?b]`, `[?a]`, `{?k: v}`) and quoted field names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gitrel.kube.cel import tree
from gitrel.kube.cel.tokens import RESERVED, Token, as_bytes, tokens, unescaped, unquoted
from gitrel.kube.cel.tree import BadExpression, complaint, dotted

DEPTH_MAX = 60
"""Levels of nesting, so that neither reading nor evaluating exhausts the stack."""

_LEVELS: Sequence[Mapping[str, str]] = (
    {"<": "_<_", "<=": "_<=_", ">": "_>_", ">=": "_>=_", "==": "_==_", "!=": "_!=_", "in": "@in"},
    {"+": "_+_", "-": "_-_"},
    {"*": "_*_", "/": "_/_", "%": "_%_"},
)
_ONE_VARIABLE: Mapping[str, tuple[int, ...]] = {
    "all": (1,), "exists": (1,), "exists_one": (1,), "existsOne": (1,), "filter": (1,), "map": (1, 2),
    "optMap": (1,), "optFlatMap": (1,), "sortBy": (1,),
}  # fmt: skip
"""Macro → how many parts may follow its variable."""
_TWO_VARIABLES: Mapping[str, tuple[int, ...]] = {
    "all": (1,), "exists": (1,), "existsOne": (1,), "transformList": (1, 2), "transformMap": (1, 2),
    "transformMapEntry": (1, 2),
}  # fmt: skip


def parse(text: str) -> tree.Node:
    """Raises BadExpression with cel-go's words."""
    reader = _Reader(text)
    node = reader.expression()
    reader.expect("<EOF>")
    return node


class _Reader:
    """One pass over the tokens, by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._place]

    def _next(self) -> Token:
        token = self._token
        self._place += 1
        return token

    def _sees(self, *texts: str) -> bool:
        return self._token.text in texts and self._token.kind in ("op", "ident", "end")

    def _takes(self, text: str) -> bool:
        if self._sees(text):
            self._place += 1
            return True
        return False

    def expect(self, text: str) -> Token:
        if not self._sees(text):
            raise self._unexpected(f"expecting '{text}'")
        return self._next()

    def _unexpected(self, why: str = "") -> BadExpression:
        token = self._token
        says = f"Syntax error: mismatched input '{token.text}'" + (f" {why}" if why else "")
        return complaint(self._text, token.at, says)

    def expression(self) -> tree.Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise complaint(self._text, self._token.at, f"expression recursion limit exceeded: {DEPTH_MAX}")
        node = self._chain(every=False)
        if self._sees("?"):
            at = self._next().at
            then = self._chain(every=False)
            self.expect(":")
            node = tree.Choice(node, then, self.expression(), at)
        self._depth -= 1
        return node

    def _chain(self, *, every: bool) -> tree.Node:
        first, at = self._below(every=every), self._token.at
        parts = [first]
        while self._takes("&&" if every else "||"):
            parts.append(self._below(every=every))
        return tree.Both(every, parts, at) if len(parts) > 1 else first

    def _below(self, *, every: bool) -> tree.Node:
        return self._binary(0) if every else self._chain(every=True)

    def _binary(self, level: int) -> tree.Node:
        if level == len(_LEVELS):
            return self._unary()
        node, steps = self._binary(level + 1), 0
        while self._token.kind in ("op", "ident") and self._token.text in _LEVELS[level]:
            steps += 1
            token = self._next()
            if steps > DEPTH_MAX:
                raise complaint(self._text, token.at, f"expression recursion limit exceeded: {DEPTH_MAX}")
            node = tree.Call(_LEVELS[level][token.text], None, (node, self._binary(level + 1)), token.at)
        return node

    def _unary(self) -> tree.Node:
        signs = []
        while self._sees("!", "-"):
            signs.append(self._next())
            if len(signs) > DEPTH_MAX:
                raise complaint(
                    self._text, self._token.at, f"expression recursion limit exceeded: {DEPTH_MAX}"
                )
        if signs and signs[-1].text == "-" and self._token.kind in ("int", "double"):
            token = signs.pop()
            node = self._members(self._number(self._next(), "-", token.at))
        else:
            node = self._members(self._primary())
        for sign in reversed(signs):
            node = tree.Call("!_" if sign.text == "!" else "-_", None, (node,), sign.at)
        return node

    def _members(self, node: tree.Node) -> tree.Node:
        steps = 0
        while self._sees(".", ".?", "[", "[?", "{"):
            if self._sees("{") and not dotted(node):
                break
            steps += 1
            token = self._next()
            if token.text == "{":
                node = self._struct(dotted(node), token.at)
                continue
            if steps > 4 * DEPTH_MAX:
                raise complaint(self._text, token.at, f"expression recursion limit exceeded: {4 * DEPTH_MAX}")
            if token.text in ("[", "[?"):
                node = tree.Index(node, self.expression(), token.at, optional=token.text == "[?")
                self.expect("]")
                continue
            name = self._field()
            if token.text == "." and self._sees("("):
                node = self._method(node, name, self._next().at)
            else:
                node = tree.Select(node, name, token.at, optional=token.text == ".?")
        return node

    def _field(self) -> str:
        token = self._next()
        if token.kind == "quoted":
            return token.text[1:-1]
        if token.kind != "ident":
            self._place -= 1
            raise self._unexpected("expecting a field")
        return token.text

    def _places(self, end: str) -> Iterator[int]:
        """A turn for each element of what commas part and `end` closes; a comma may stand before the end."""
        place = 0
        while not self._takes(end):
            if place:
                self.expect(",")
                if self._takes(end):
                    return
            yield place
            place += 1

    def _arguments(self) -> list[tree.Node]:
        return [self.expression() for _ in self._places(")")]

    def _method(self, target: tree.Node, name: str, at: int) -> tree.Node:
        args = self._arguments()
        if isinstance(target, tree.Ident) and target.name == "cel" and name == "bind" and len(args) == 3:
            return tree.Macro("bind", args[1], self._variables(args[:1]), args[2:], at)
        variables = self._macro_variables(name, args)
        if variables:
            if name == "existsOne":
                name = "exists_one"
            return tree.Macro(name, target, self._variables(args[:variables]), args[variables:], at)
        return tree.Call(name, target, args, at)

    def _macro_variables(self, name: str, args: Sequence[tree.Node]) -> int:
        """How many variables the macro binds; 0 where it is an ordinary method."""
        leading = 0
        while leading < min(2, len(args)) and isinstance(args[leading], tree.Ident):
            leading += 1
        if leading == 2 and len(args) - 2 in _TWO_VARIABLES.get(name, ()):
            return 2
        if len(args) - 1 in _ONE_VARIABLE.get(name, ()):
            if not isinstance(args[0], tree.Ident):
                raise complaint(self._text, args[0].at, "argument must be a simple name")
            return 1
        return 0

    def _variables(self, args: Sequence[tree.Node]) -> list[str]:
        names = []
        for arg in args:
            if not isinstance(arg, tree.Ident):
                raise complaint(self._text, arg.at, "argument must be a simple name")
            names.append(arg.name)
        return names

    def _primary(self) -> tree.Node:
        token = self._next()
        match token.kind:
            case "int" | "double":
                return self._number(token, "", token.at)
            case "string":
                return tree.Literal(unescaped(self._text, token, of_bytes=False), token.at)
            case "bytes":
                body = unescaped(self._text, token, of_bytes=True)
                return tree.Literal(as_bytes(body), token.at)
            case "raw":
                prefix = 2 if token.text[1] in "rRbB" else 1
                body = unquoted(token.text[prefix:])
                of_bytes = "b" in token.text[:prefix].lower()
                return tree.Literal(body.encode() if of_bytes else body, token.at)
            case "ident":
                return self._name(token)
        if token.text == "(":
            node = self.expression()
            self.expect(")")
            return node
        if token.text == "[":
            return self._list(token.at)
        if token.text == "[?":
            return self._list(token.at, first_optional=True)
        if token.text == "{":
            return self._map(token.at)
        if token.text == "." and self._token.kind == "ident":
            return self._name(self._next())
        self._place -= 1
        raise self._unexpected()

    def _name(self, token: Token) -> tree.Node:
        if token.text in ("true", "false", "null"):
            return tree.Literal({"true": True, "false": False, "null": None}[token.text], token.at)
        if token.text in RESERVED:
            raise complaint(self._text, token.at, f"reserved identifier: {token.text}")
        if not self._sees("("):
            return tree.Ident(token.text, token.at)
        at = self._next().at
        args = self._arguments()
        if token.text == "has" and len(args) == 1:
            field = args[0]
            if not isinstance(field, tree.Select) or field.optional:
                raise complaint(self._text, field.at, "invalid argument to has() macro")
            return tree.Select(field.operand, field.field, field.at, test=True)
        return tree.Call(token.text, None, args, at)

    def _list(self, at: int, *, first_optional: bool = False) -> tree.Node:
        items: list[tree.Node] = []
        optional: set[int] = set()
        for place in self._places("]"):
            if self._takes("?") or (first_optional and place == 0):
                optional.add(place)
            items.append(self.expression())
        return tree.ListOf(items, frozenset(optional), at)

    def _map(self, at: int) -> tree.Node:
        entries: list[tuple[tree.Node, tree.Node]] = []
        optional: set[int] = set()
        for place in self._places("}"):
            if self._takes("?"):
                optional.add(place)
            key = self.expression()
            self.expect(":")
            entries.append((key, self.expression()))
        return tree.MapOf(entries, frozenset(optional), at)

    def _struct(self, name: str, at: int) -> tree.Node:
        fields: list[tuple[str, tree.Node, int]] = []
        optional: set[int] = set()
        for place in self._places("}"):
            if self._takes("?"):
                optional.add(place)
            field = self._field()
            colon = self.expect(":").at
            fields.append((field, self.expression(), colon))
        return tree.Struct(name, fields, frozenset(optional), at)

    def _number(self, token: Token, sign: str, at: int) -> tree.Node:
        text = token.text
        if token.kind == "double":
            return tree.Literal(float(sign + text), at)
        if text[-1] in "uU":
            if sign or int(text[:-1], 0 if "x" in text.lower() else 10) >= 2**64:
                raise complaint(self._text, at, "invalid uint literal")
            return tree.Literal(tree.UInt(int(text[:-1], 0 if "x" in text.lower() else 10)), at)
        value = int(sign + text, 16 if "x" in text.lower() else 10)
        if not -(2**63) <= value < 2**63:
            raise complaint(self._text, at, "invalid int literal")
        return tree.Literal(value, at)

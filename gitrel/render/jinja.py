"""Jinja templates over one version's files: sandboxed, strict, and unable to see anything else.

This module runs inside the killable child (`child.py`). It limits what can be limited from within, such
as the size of products and powers; memory, time and stuck C calls are the child's and its parent's work.

Rendered lines are traced back to template lines by rendering a second time with an invisible mark at the
start of each template line. If marks and text disagree, the text stands and the lines are left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, cast

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import UndefinedError
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing

from gitrel.render.failures import LimitReached, OutsideRoot, UnknownName
from gitrel.render.filters import JINJA_FILTERS, OWN_FILTERS
from gitrel.render.reads import FILE, MAPS, Recorded
from gitrel.render.template import Lines

LENGTH_MAX = 1_000_000
"""The longest text or list that one `*` or `%` may make."""
BITS_MAX = 4096
"""The longest integer that one `*` or `**` may make."""
_WIDTH = re.compile(r"%[^a-zA-Z%]*?(\d{5,}|\*)")
_MARK = re.compile("\ue000(\\d+):(\\d+)\ue001")


class _Undefined(StrictUndefined):
    """A name that is not there: using it raises `UnknownName`, which knows what would have been."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Callable[[str | None], Exception] = UndefinedError,
    ) -> None:
        if exc is UndefinedError and hint is None:
            exc = partial(UnknownName, owner=obj, name=str(name))
        super().__init__(hint, obj, name, cast(type[UndefinedError], exc))  # Jinja only calls it

    def __repr__(self) -> str:
        """Inside a printed list an undefined value is as wrong as outside."""
        return str(self)


class _Files(BaseLoader):
    """Hands out the version's files by name, and nothing else."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self._files:
            raise TemplateNotFound(template)
        return self._files[template], template, lambda: True


class _LineMarks(Extension):
    """Puts a mark at the start of each line of template text. `files` gives each file its number."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        numbers: Any = self.environment.globals["_file_numbers"]
        number = numbers.get(stream.name, 0)
        for token in stream:
            if token.type == "data":
                rows = token.value.split("\n")
                marked = [f"{_mark(number, token.lineno + i)}{row}" for i, row in enumerate(rows)]
                token = Token(token.lineno, "data", "\n".join(marked))
            elif token.type == "variable_begin":
                yield Token(token.lineno, "data", _mark(number, token.lineno))
            yield token


def _mark(file: int, line: int) -> str:
    return f"\ue000{file}:{line}\ue001"


class _Context(Context):
    """Notes which names of the context a template asks for; the maps among them note their own keys."""

    environment: Jail

    def resolve_or_missing(self, key: str) -> Any:
        value = super().resolve_or_missing(key)
        if key in MAPS and isinstance(value, Recorded):
            if not dict.__len__(value):
                value.all()  # the one state that C code may tell apart without asking
        elif key not in self.vars:
            self.environment.names.add(key)
        return value


class Jail(ImmutableSandboxedEnvironment):
    """Jinja with the sandbox, strict names, and operators that refuse to grow without bounds.

    `names` collects what one rendering reads, in the words of `reads`.
    """

    context_class = _Context
    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, files: Mapping[str, str], *, marked: bool = False) -> None:
        super().__init__(
            loader=_Files(files),
            undefined=_Undefined,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_LineMarks] if marked else [],
            cache_size=-1,
        )
        self.filters = {name: self.filters[name] for name in JINJA_FILTERS} | OWN_FILTERS
        kept = ("range", "dict", "joiner", "cycler")
        # `namespace` is the Kubernetes one here, so Jinja's goes by another name.
        self.globals = {name: self.globals[name] for name in kept} | {"scope": Namespace}
        self.own_names = frozenset(self.globals)
        if marked:
            self.globals["_file_numbers"] = {name: i for i, name in enumerate(sorted(files))}
        self.names: set[str] = set()

    def _load_template(self, name: str, globals: Any) -> Template:
        """Jinja's one way to a template, whether it is compiled already or not there at all."""
        self.names.add(f"{FILE}{name}")
        return super()._load_template(name, globals)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a mapping comes before its methods, so that a parameter may be called `items`."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def join_path(self, template: str, parent: str) -> str:
        """Names count from the version's directory; `./` and `../` from the including file's own."""
        if template.startswith(("./", "../")):
            template = posixpath.normpath(posixpath.join(posixpath.dirname(parent), template))
        if template.startswith(("/", "../")) or template == ".." or "\\" in template or "\0" in template:
            raise OutsideRoot(template)
        return template

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            _check_product(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif isinstance(left, str) and _WIDTH.search(left):
            raise LimitReached(f"a '%' format may be at most {10**4} wide")
        return super().call_binop(context, operator, left, right)


def _check_product(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > BITS_MAX:
            raise LimitReached(f"a number may have at most {BITS_MAX} bits")
        return
    for sequence, count in ((left, right), (right, left)):
        if not isinstance(sequence, (str, list, tuple)) or not isinstance(count, int):
            continue
        if len(sequence) * count > LENGTH_MAX:
            raise LimitReached(f"'*' would make something longer than {LENGTH_MAX}")


def _check_power(base: Any, exponent: Any) -> None:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > BITS_MAX:
        raise LimitReached(f"a number may have at most {BITS_MAX} bits")


class TemplateSet:
    """One version's files, compiled on first use and rendered any number of times."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self._numbered = sorted(files)
        self._plain = Jail(self.files)
        self._marked = Jail(self.files, marked=True)
        self._checked: set[str] = set()

    @property
    def own_names(self) -> frozenset[str]:
        return self._plain.own_names

    def render(
        self, name: str, context: Mapping[str, Any], output_bytes: int, names: set[str] | None = None
    ) -> tuple[str, Lines]:
        """The text and the origin of each of its lines. Raises whatever the template raises.

        What is read is added to `names`; of a context made by `reads.recording`, key by key.
        """
        if name not in self._checked:
            self._refuse_cycles(name, (), 0)
        self._plain.names = set() if names is None else names
        text = _output(self._plain.get_template(name), context, output_bytes)
        return text, self._lines(name, context, text, output_bytes)

    def _lines(self, name: str, context: Mapping[str, Any], text: str, output_bytes: int) -> Lines:
        try:
            # A mark takes up to a dozen bytes a line; eight times the text is ample and still bounded.
            marked = _output(self._marked.get_template(name), context, output_bytes * 8)
        except Exception:
            # The template has rendered without marks, so they got in its way, and a stranger's expression
            # may raise anything. The text stands; only its lines stay unknown.
            return ()
        stripped, lines = _read_marks(marked, self._numbered)
        return lines if stripped == text else ()

    def _refuse_cycles(self, name: str, chain: tuple[str, ...], line: int) -> None:
        """Follows the includes whose names are written out; computed names meet the recursion limit."""
        if name in chain:
            path = " → ".join((*chain[chain.index(name) :], name))
            raise TemplateSyntaxError(f"templates include each other in a circle: {path}", line, chain[-1])
        for target, at in self._references(name):
            if target in self.files and target not in self._checked:
                self._refuse_cycles(target, (*chain, name), at)
        self._checked.add(name)

    def _references(self, name: str) -> Iterator[tuple[str, int]]:
        """(file, line) of each include, import or extends whose name is written out."""
        try:
            tree = self._plain.parse(self.files[name], name, name)
        except TemplateSyntaxError:
            return  # told with its include chain when it is rendered
        for kind in (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport):
            for node in tree.find_all(kind):
                target = getattr(node, "template", None)
                if isinstance(target, nodes.Const) and isinstance(target.value, str):
                    # What leaves the root is told, with its line, when it is rendered.
                    with suppress(OutsideRoot):
                        yield self._plain.join_path(target.value, name), node.lineno


def _output(template: Template, context: Mapping[str, Any], output_bytes: int) -> str:
    parts, size = [], 0
    for part in template.generate(context):
        parts.append(part)
        size += len(part)
        if size > output_bytes:
            raise LimitReached(f"the output is larger than {output_bytes} bytes")
    return "".join(parts)


def _read_marks(marked: str, names: list[str]) -> tuple[str, Lines]:
    """The text without its marks, and for each of its lines the last mark before its first character."""
    pieces: list[str] = []
    lines: list[tuple[str, int]] = []
    current = (names[0] if names else "", 1)
    for row in marked.split("\n"):
        at_start = True
        place = current
        position = 0
        for match in _MARK.finditer(row):
            at_start = at_start and not row[position : match.start()].strip(" ")
            current = (names[int(match[1])], int(match[2]))
            if at_start:
                place = current
            pieces.append(row[position : match.start()])
            position = match.end()
        pieces += (row[position:], "\n")
        lines.append(place)
    return "".join(pieces[:-1]), tuple(lines)

"""What went wrong in a template, told by file, line, and the names that would have been right.

Values never appear in these texts: an expression may have been working on a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import FilterArgumentError, SecurityError, TemplateRuntimeError, UndefinedError
from jinja2.utils import missing

from gitrel.render.filters import JINJA_FILTERS, OWN_FILTERS
from gitrel.render.template import Failure, Limits

NAMES_SHOWN = 20
_NO_FILTER = re.compile(r"No filter named '(\w+)'")


class UnknownName(UndefinedError):
    """A variable, or a key of `owner`, that does not exist."""

    def __init__(self, message: str | None, *, owner: Any, name: str) -> None:
        super().__init__(message)
        self.owner = owner
        self.name = name


class LimitReached(TemplateRuntimeError):
    """The template asked for more than one template may have."""


class OutOfTime(LimitReached):
    """The alarm went off while the template was running."""


class OutsideRoot(TemplateRuntimeError):
    """An include names a file outside the version's directory."""


def explain(
    error: Exception,
    template: str,
    files: Mapping[str, str],
    context: Mapping[str, Any],
    globals_: Iterable[str],
    limits: Limits,
) -> Failure:
    """The failure of `template` in words. `files` and `context` are those of the job."""
    frames = [frame for frame in _frames(error.__traceback__) if frame[0] in files]
    if isinstance(error, TemplateSyntaxError):
        place = (error.name or template, error.lineno)
        frames = frames[:-1] if frames and frames[-1] == place else frames
    else:
        place = frames.pop() if frames else (template, 0)
    what, todo = _words(error, files, context, globals_, limits)
    # A recursion shows each of its frames once.
    chain = tuple(dict.fromkeys(f"{file}:{line}" for file, line in frames))
    return Failure(*place, what, todo, chain)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def _words(
    error: Exception,
    files: Mapping[str, str],
    context: Mapping[str, Any],
    globals_: Iterable[str],
    limits: Limits,
) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    match error:
        case UnknownName():
            return _unknown_name(error, context, globals_)
        case OutOfTime():
            return f"the template runs longer than {limits.seconds:g} s", "make its loops smaller"
        case TemplateSyntaxError() if unknown := _NO_FILTER.match(error.message or ""):
            return f"there is no filter {unknown[1]!r}", _known(unknown[1], (*JINJA_FILTERS, *OWN_FILTERS))
        case LimitReached() | SecurityError() | TemplateSyntaxError():
            return (error.message or "not allowed in a template").rstrip("."), ""
        case OutsideRoot():
            return f"{error.message!r} is outside the version's directory", "copy the file into it"
        case TemplateNotFound():
            return f"there is no file {error.name!r} to include", _known(str(error.name), files)
        case MemoryError():
            return f"the template needs more than {limits.memory_bytes // 2**20} MiB of memory", ""
        case RecursionError():
            return "templates include each other, or a macro calls itself, without end", ""
        case OverflowError():
            return "a range or a number in the template is too large", ""
        case UndefinedError() | FilterArgumentError() | TypeError() | ZeroDivisionError():
            return f"{error}", ""
        case _:
            return f"the expression fails with {type(error).__name__}", ""


def _unknown_name(error: UnknownName, context: Mapping[str, Any], globals_: Iterable[str]) -> tuple[str, str]:
    owner = error.owner
    if owner is missing or owner is None:
        return f"{error.name!r} is undefined", _known(error.name, (*context, *globals_))
    path = _path_to(owner, context)
    full = f"{path}.{error.name}" if path else error.name
    if isinstance(owner, Mapping):
        return f"{full!r} is undefined", _known(error.name, map(str, owner))
    return f"{full!r} is undefined", f"a value of type {type(owner).__name__} has no such part"


def _path_to(target: Any, value: Any, path: str = "", depth: int = 0) -> str:
    """The dotted path of `target` within the context, found by identity; empty where it is not part of it."""
    if not isinstance(value, Mapping) or depth > 6:
        return ""
    for key, child in value.items():
        here = f"{path}.{key}" if path else str(key)
        if child is target:
            return here
        if found := _path_to(target, child, here, depth + 1):
            return found
    return ""


def _known(name: str, names: Iterable[str]) -> str:
    known = sorted(names)
    close = get_close_matches(name, known, 1)
    shown = ", ".join(known[:NAMES_SHOWN]) + (", …" if len(known) > NAMES_SHOWN else "")
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known names: {shown or 'none'}"

"""URLs (apiserver `pkg/cel/library/urls.go`): absolute ones, or absolute paths."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from gitrel.kube.cel.library import function, method
from gitrel.kube.cel.values import CelError

_URL = "kubernetes.URL"


@dataclass(frozen=True, slots=True)
class Url:
    parts: SplitResult
    cel_type = _URL


def _parsed(text: str) -> Url:
    if not text or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError("a control character")
    parts = urlsplit(text)
    _ = parts.port
    if not parts.scheme and not text.startswith("/"):
        raise ValueError("neither absolute nor a path")
    if " " in parts.netloc:
        raise ValueError("a space in the host")
    return Url(parts)


@function("url", f"string -> {_URL}")
def url(text: str) -> Url:
    try:
        return _parsed(text)
    except ValueError:
        raise CelError(f'URL parse error during conversion from string: parse "{text}"') from None


@function("isURL", "string -> bool")
def is_url(text: str) -> bool:
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


@method("getScheme", f"{_URL} -> string")
def scheme(one: Url) -> str:
    return one.parts.scheme


@method("getHost", f"{_URL} -> string")
def host(one: Url) -> str:
    return one.parts.netloc.rpartition("@")[2]


@method("getHostname", f"{_URL} -> string")
def hostname(one: Url) -> str:
    name = host(one)
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


@method("getPort", f"{_URL} -> string")
def port(one: Url) -> str:
    return str(one.parts.port) if one.parts.port is not None else ""


@method("getEscapedPath", f"{_URL} -> string")
def escaped_path(one: Url) -> str:
    return quote(one.parts.path, safe="/%:@!$&'()*+,;=~-._")


@method("getQuery", f"{_URL} -> map(string,list(string))")
def query(one: Url) -> dict[str, list[str]]:
    return parse_qs(one.parts.query, keep_blank_values=True)

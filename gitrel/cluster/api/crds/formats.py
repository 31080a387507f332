"""Formats of strings that Kubernetes checks in custom resources (kube-openapi `pkg/validation/strfmt`).

A format that is not listed is not checked, as in Kubernetes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from urllib.parse import urlsplit

_A = re.ASCII
_UUID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{12}\Z", _A | re.I
)
_HOST_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z", _A)
_MAC = re.compile(
    r"([0-9A-Fa-f]{2}([:-]))([0-9A-Fa-f]{2}\2){4,6}[0-9A-Fa-f]{2}\Z|([0-9A-Fa-f]{4}\.){2,3}[0-9A-Fa-f]{4}\Z",
    _A,
)
_DURATION = re.compile(
    r"(\d+)\s*(ns|us|µs|ms|s|m|h|d|w|nanos?|micros?|millis?|seconds?|minutes?|hours?|days?|weeks?|sec|min|hr|dy|wk)\s*",
    _A,
)
_GO_DURATION = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*\Z", _A
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)\Z", _A)
_EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]{1,64}@[^@\s]{1,255}\Z", _A)
_HEX_COLOR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z", _A)
_RGB_COLOR = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)\Z", _A)
_SSN = re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}\Z", _A)
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z", _A)


def _raises_not(read: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read(text)
        except (ValueError, AddressValueError, binascii.Error):
            return False
        return True

    return check


def _date_time(text: str) -> bool:
    if not _DATE_TIME.match(text):
        return False
    plain = re.sub(r"\.\d+", "", text.upper().replace(" ", "T").replace("Z", "+00:00"))
    return _raises_not(datetime.fromisoformat)(plain)


def _hostname(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(_HOST_LABEL.match(label) for label in labels)


def _uri(text: str) -> bool:
    """As Go's ParseRequestURI: an absolute URI or an absolute path."""
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in text):
        return False
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _cidr(text: str) -> bool:
    return "/" in text and _raises_not(lambda found: ip_network(found, strict=False))(text)


def _uuid(version: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        found = _UUID.match(text)
        if not found or not version:
            return bool(found)
        return found[1] == version and (version == "3" or found[2].lower() in "89ab")

    return check


def _duration(text: str) -> bool:
    if _GO_DURATION.match(text) or text == "0":
        return True
    return bool(text) and not _DURATION.sub("", text.strip())


def _luhn(text: str) -> bool:
    digits = [int(letter) for letter in re.sub(r"[ -]", "", text) if letter.isdecimal()]
    if not 13 <= len(digits) <= 16 or len(digits) != len(re.sub(r"[ -]", "", text)):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _isbn(text: str) -> bool:
    return _isbn10(text) or _isbn13(text)


def _isbn10(text: str) -> bool:
    plain = re.sub(r"[ -]", "", text)
    if not re.match(r"[0-9]{9}[0-9X]\Z", plain, _A):
        return False
    values = [10 if letter == "X" else int(letter) for letter in plain]
    return sum((10 - place) * value for place, value in enumerate(values)) % 11 == 0


def _isbn13(text: str) -> bool:
    plain = re.sub(r"[ -]", "", text)
    if not re.match(r"[0-9]{13}\Z", plain, _A):
        return False
    return sum(int(letter) * (3 if place % 2 else 1) for place, letter in enumerate(plain)) % 10 == 0


def _rgb(text: str) -> bool:
    found = _RGB_COLOR.match(text)
    return bool(found) and all(int(part) <= 255 for part in found.groups()) if found else False


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "bsonobjectid": lambda text: bool(re.match(r"[0-9a-fA-F]{24}\Z", text, _A)),
    "uri": _uri,
    "email": lambda text: bool(_EMAIL.match(text)),
    "hostname": _hostname,
    "ipv4": _raises_not(IPv4Address),
    "ipv6": _raises_not(IPv6Address),
    "cidr": _cidr,
    "mac": lambda text: bool(_MAC.match(text)),
    "uuid": _uuid(""),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
    "isbn": _isbn,
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _luhn,
    "ssn": lambda text: bool(_SSN.match(text)),
    "hexcolor": lambda text: bool(_HEX_COLOR.match(text)),
    "rgbcolor": _rgb,
    "byte": _raises_not(lambda text: base64.b64decode(text, validate=True)),
    "password": lambda text: True,
    "date": _raises_not(lambda text: date.fromisoformat(text) if len(text) == 10 else int("")),
    "duration": _duration,
    "datetime": _date_time,
    "date-time": _date_time,
    "k8s-short-name": lambda text: bool(_DNS_LABEL.match(text)),
    "k8s-long-name": lambda text: len(text) <= 253 and all(map(_DNS_LABEL.match, text.split("."))),
}

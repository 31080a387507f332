"""What expressions can call; importing this makes all of it known."""

from gitrel.kube.cel.libraries import (
    addresses,
    authorizer,
    collections,
    formats,
    numbers,
    optionals,
    quantities,
    semver,
    standard,
    strings,
    times,
    urls,
)

__all__ = [
    "addresses", "authorizer", "collections", "formats", "numbers", "optionals", "quantities", "semver",
    "standard", "strings", "times", "urls",
]  # fmt: skip

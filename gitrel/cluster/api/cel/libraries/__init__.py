"""What expressions can call; importing this makes all of it known."""

from gitrel.cluster.api.cel.libraries import (
    addresses,
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
    "addresses", "collections", "formats", "numbers", "optionals", "quantities", "semver", "standard",
    "strings", "times", "urls",
]  # fmt: skip

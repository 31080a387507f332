"""Randomness as named streams of one seed: the same seed gives the same uids, suffixes and ties.

A stream is a counter hashed with the seed and the stream's name, so that drawing from one never moves
another, and the whole state is one integer a stream: it is saved with a cluster and copied with a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no look-alikes (apimachinery `util/rand`); 27 letters."""


class Randomness:
    """All the streams of one cluster."""

    def __init__(self, seed: int, drawn: Mapping[str, int] | None = None) -> None:
        self.seed = seed
        self._drawn = dict(drawn or {})

    @property
    def drawn(self) -> Mapping[str, int]:
        """How many draws each stream has given: all there is to save."""
        return self._drawn

    def draw(self, stream: str) -> int:
        """128 random bits."""
        count = self._drawn.get(stream, 0)
        self._drawn[stream] = count + 1
        digest = blake2b(f"{self.seed}/{stream}/{count}".encode(), digest_size=16).digest()
        return int.from_bytes(digest, "big")

    def fraction(self, stream: str) -> float:
        """In [0, 1)."""
        return (self.draw(stream) >> 75) / (1 << 53)

    def stream(self, name: str) -> Callable[[], float]:
        return lambda: self.fraction(name)

    def uid(self) -> str:
        """A version 4 UUID."""
        bits = self.draw("uid") & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def suffix(self, length: int = 5) -> str:
        """What generateName appends."""
        bits = self.draw("name")
        letters = []
        for _ in range(length):
            bits, letter = divmod(bits, len(_SUFFIX_ALPHABET))
            letters.append(_SUFFIX_ALPHABET[letter])
        return "".join(letters)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """What is drawn inside (a dry run, say) is drawn again afterwards."""
        before = dict(self._drawn)
        try:
            yield
        finally:
            self._drawn = before

    def copy(self) -> Randomness:
        return Randomness(self.seed, self._drawn)

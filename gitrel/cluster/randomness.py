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
    """All the streams of one cluster.

    `name` is the cluster's: two clusters of one seed draw the same everywhere, but no uid of one is ever met
    in the other, because uids tell clusters apart.
    """

    def __init__(self, seed: int, drawn: Mapping[str, int] | None = None, *, name: str = "") -> None:
        self.seed = seed
        self._name = name
        self._drawn = dict(drawn or {})
        self._blocks: dict[str, tuple[int, bytes]] = {}

    @property
    def drawn(self) -> Mapping[str, int]:
        """How many draws each stream has given: all there is to save."""
        return self._drawn

    def draw(self, stream: str) -> int:
        """128 random bits."""
        return int.from_bytes(self._bytes(stream), "big")

    def _bytes(self, stream: str, whose: str = "") -> bytes:
        """16 bytes: a quarter of a digest, which is kept for the next three draws of the stream."""
        count = self._drawn.get(stream, 0)
        self._drawn[stream] = count + 1
        number, part = divmod(count, 4)
        block = self._blocks.get(stream)
        if block is None or block[0] != number:
            block = number, blake2b(f"{self.seed}/{stream}/{number}{whose}".encode()).digest()
            self._blocks[stream] = block
        return block[1][part * 16 : part * 16 + 16]

    def fraction(self, stream: str) -> float:
        """In [0, 1)."""
        return (self.draw(stream) >> 75) / (1 << 53)

    def stream(self, name: str) -> Callable[[], float]:
        return lambda: self.fraction(name)

    def uid(self, stream: str = "uid") -> str:
        """A version 4 UUID."""
        text = self._bytes(stream, f"/{self._name}").hex()
        variant = "89ab"[int(text[16], 16) & 3]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"

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
        return Randomness(self.seed, self._drawn, name=self._name)

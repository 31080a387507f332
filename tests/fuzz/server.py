"""Fires at a bundled cluster for as long as one likes, and tells every fault once.

    python -m tests.fuzz.server --seconds 60 [--seed 1] [--dry 0.3]

`--dry` is how often a write is a dry run: at 0 all is stored, and the controllers have to live with it.
The same seed sends the same requests. Ends with 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from random import Random

from tests.fuzz.target import target

_REQUESTS_PER_CLUSTER = 4000
"""Then a new cluster: what piled up in the old one only makes it slow."""

_SHOWN = 6000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", type=float, default=0.5)
    asked = parser.parse_args()
    end, seed, sent = time.monotonic() + asked.seconds, asked.seed, 0
    told: dict[str, int] = {}
    while time.monotonic() < end:
        chance = Random(seed)
        print(f"seed {seed}", file=sys.stderr)
        with target() as aimed:
            while time.monotonic() < end and aimed.sent < _REQUESTS_PER_CLUSTER:
                wrong = aimed.fire(chance, dry=asked.dry)
                if wrong is not None and _mark(wrong) not in told:
                    print(f"seed {seed}, request {aimed.sent}:\n{wrong[:_SHOWN]}\n", flush=True)
                if wrong is not None:
                    told[_mark(wrong)] = told.get(_mark(wrong), 0) + 1
            sent += aimed.sent
        seed += 1
    print(f"{sent} requests, {len(told)} kinds of fault, {sum(told.values())} faults")
    return 1 if told else 0


def _mark(wrong: str) -> str:
    """What tells one fault from another: where the last traceback ends, else the answer."""
    lines = re.findall(r'File "([^"]+)", line (\d+)', wrong)
    return ":".join(lines[-1]) if lines else wrong.splitlines()[-1][:80]


if __name__ == "__main__":
    raise SystemExit(main())

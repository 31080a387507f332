"""The entry point: nothing but a place where even an interrupt during start-up ends quietly."""

from __future__ import annotations

import gc
import sys

GARBAGE_THRESHOLD = 100_000
"""How many new objects are made before the collector looks for cycles. What a command reads it keeps until
it ends, so that with Python's 700 the same living objects are looked at again and again."""


def main() -> None:
    """Runs the command line and leaves with its exit code; 130 when interrupted."""
    gc.set_threshold(GARBAGE_THRESHOLD, 50, 100)
    try:
        from gitrel.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()

"""The entry point: nothing but a place where even an interrupt during start-up ends quietly."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line and leaves with its exit code; 130 when interrupted."""
    try:
        from gitrel.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()

"""`python -m recordingd`, and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from recordingd.cli.main import run  # an import error becomes a clean exit code

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

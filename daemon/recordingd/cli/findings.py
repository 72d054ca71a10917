"""Print what a check of one link found."""

from __future__ import annotations

import sys

from recordingd.runtime.checking import Check


def show(check: Check) -> None:
    """Print a finding, and under it the command that mends it."""
    sys.stdout.write(f"{check.grade.value:4}  {check.link}: {check.text}\n")
    if check.fix is not None:
        sys.stdout.write(f"      {check.fix}\n")
    sys.stdout.flush()

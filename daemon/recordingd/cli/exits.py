"""Exit codes, the same for every command."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What a command's exit code says."""

    OK = 0
    FAILED = 1
    CHANGES_PENDING = 2
    INVALID = 3
    TEST_FAILED = 4
    GUARD_REFUSED = 5
    PLAN_STALE = 6
    DAMAGE_FOUND = 7
    USAGE = 64

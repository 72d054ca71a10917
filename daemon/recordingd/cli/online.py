"""`recordingd validate --online`: the credentials and stores of the settings, tried for real.

Called by `cli.validate` only when it is asked for, because it loads every adapter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from recordingd.config.settings import check_settings, load_settings
from recordingd.config.validation import SETTINGS_NAME
from recordingd.runtime.checking import Check
from recordingd.runtime.checks import check_online
from recordingd.runtime.system import SystemClock


def try_online(settings_path: Path) -> list[Check]:
    """Try every credential and store of some settings; Invalid where they cannot be used."""
    settings = load_settings(settings_path)

    async def check() -> list[Check]:
        return [found async for found in check_online(settings, SystemClock())]

    return asyncio.run(check())


def named_settings(paths: Sequence[Path]) -> Path | None:
    """Return the settings among some paths: a file, or in a directory that holds one."""
    for path in paths:
        if (path / SETTINGS_NAME).is_file():
            return path / SETTINGS_NAME
        if path.is_file() and check_settings(path)[1] is not None:
            return path
    return None

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from recordingd.archive.local import LocalArchive
from recordingd.domain.policies import StoreName
from recordingd.runtime.sweeps import Sweeps

BROKEN, WHOLE = StoreName("broken"), StoreName("whole")


def test_store_that_cannot_be_measured_hides_no_other(tmp_path: Path) -> None:
    # A file stands where the directory of the store should be.
    (tmp_path / "file").write_text("in the way")
    archives = {
        BROKEN: LocalArchive(BROKEN, root=tmp_path / "file", parts=tmp_path / "file" / "parts"),
        WHOLE: LocalArchive(WHOLE, root=tmp_path / "whole", parts=tmp_path / "parts"),
    }
    unused = cast(Any, None)
    rules = SimpleNamespace(is_archive_tight=False)
    sweeps = Sweeps(
        ledger=unused,
        reconciler=unused,
        archives=archives,
        clock=unused,
        alarms=unused,
        metrics=unused,
        tell=lambda _: None,
        rules=cast(Any, rules),
        arrivals=unused,
    )
    asyncio.run(sweeps.look_at_disks())
    assert set(sweeps.free) == {WHOLE}

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from recordingd.domain.errors import StateDirectoryBusy
from recordingd.runtime.state_directory import locked, state_key


def test_second_daemon_on_a_directory_is_refused(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(StateDirectoryBusy, match="only one may run"),
        locked(tmp_path),
    ):
        pytest.fail("two daemons own one directory")


def test_directory_is_free_again_after_the_first_daemon(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with locked(tmp_path / "state"):
        mode = stat.S_IMODE((tmp_path / "state").stat().st_mode)
    assert mode == 0o700


def test_key_is_the_same_ever_after_and_nobody_elses(tmp_path: Path) -> None:
    first = state_key(tmp_path)
    assert state_key(tmp_path) == first
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "pseudonym.key").stat().st_mode) == 0o600


def test_half_written_key_is_never_used(tmp_path: Path) -> None:
    (tmp_path / "pseudonym.part").write_bytes(b"half")
    assert len(state_key(tmp_path)) == 32

"""The reference says what the code does, name for name."""

from __future__ import annotations

import re

from tests.packaging.tree import ROOT

from recordingd.cli.exits import Exit
from recordingd.domain.plans import Mode
from recordingd.planning.derivation import FileState, RecordingState
from recordingd.telemetry.alarms import ALARM_KINDS

PAGE = (ROOT / "daemon" / "docs" / "reference.md").read_text()


def section(title: str) -> str:
    """Return the text below a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def words(text: str) -> list[str]:
    return re.findall(r"`([A-Za-z]+)`", text)


def test_every_exit_code_is_listed() -> None:
    assert [int(row[0]) for row in rows("Exit codes")] == [int(code) for code in Exit]


def test_every_alarm_is_listed_with_what_it_says() -> None:
    listed = {row[0]: (row[1], row[2]) for row in rows("Alarms")}
    assert listed == {n: (k.severity.value, k.impact) for n, k in ALARM_KINDS.items()}


def test_every_mode_is_listed() -> None:
    assert [row[0] for row in rows("Modes")] == [mode.value for mode in Mode]


def test_every_state_is_listed_in_the_order_of_a_life() -> None:
    of_recordings, of_files, _ = section("States").strip().split("\n\n")
    assert words(of_recordings) == [state.value for state in RecordingState]
    assert words(of_files) == [state.value for state in FileState]

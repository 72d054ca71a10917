"""The reference says what the code does, name for name."""

from __future__ import annotations

import re

from tests.packaging.tree import ROOT

from recordingd.cli.exits import Exit
from recordingd.cli.main import COMMANDS
from recordingd.domain.plans import Mode
from recordingd.domain.recordings import PauseReason
from recordingd.planning.derivation import FileState, RecordingState
from recordingd.planning.rendering import SYMBOLS
from recordingd.telemetry.alarms import ALARM_KINDS

ROUTE = re.compile(r'Route\("([^"]+)", .*methods=\["([A-Z]+)"\]')
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


def test_every_command_is_listed_in_the_order_of_the_help() -> None:
    commands = [row[0] for row in rows("Commands") if len(row) == 3]
    assert commands == list(COMMANDS)


def test_every_verb_of_a_plan_is_listed_beside_its_symbol() -> None:
    listed = {verb: row[0] for row in rows("Commands") if len(row) == 2 for verb in verbs(row)}
    assert listed == SYMBOLS


def verbs(row: list[str]) -> list[str]:
    """Return the verbs of a symbol; blocked lines keep theirs."""
    return [] if row[0] in {"!", "symbol", "---"} else re.findall(r"[a-z]+", row[1])


def test_every_path_of_the_control_socket_is_listed() -> None:
    code = (ROOT / "daemon" / "recordingd" / "ingress" / "control.py").read_text()
    served = [f"{method} {path}" for path, method in ROUTE.findall(code)]
    assert served
    assert [row[0].partition("`")[0] for row in rows("Control socket")] == served


def test_every_reason_for_a_pause_is_listed() -> None:
    of_pauses = section("States").strip().split("\n\n")[2]
    named = {PauseReason.CONSENT, PauseReason.SETTLE, PauseReason.FORBID, PauseReason.OPERATOR}
    assert {reason.value for reason in named} == set(words(of_pauses))

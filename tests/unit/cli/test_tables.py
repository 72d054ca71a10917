from __future__ import annotations

import io
import sys

import pytest

from recordingd.cli.tables import print_table, to_seconds

LONG = "/var/lib/recordingd/archive/01/1918b1d600374a23b57e95b19100c401.wav"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_narrow_terminal_cuts_nothing_that_is_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("call", "file"), [("the agent joins late", LONG)])
    assert LONG in terminal.getvalue()


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-20T12:18:27.179543Z", "2026-11-20T12:18:27Z"),
        ("2026-11-20T12:18:27Z", "2026-11-20T12:18:27Z"),
        ("never", "never"),
        (None, None),
    ],
)
def test_moment_is_shown_to_the_second(moment: str | None, shown: str | None) -> None:
    assert to_seconds(moment) == shown


def test_cell_shows_what_others_wrote_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    print_table(("reason",), [("[red]stop[/red] \x1b]0;title\x07",)])
    assert "[red]stop[/red]  ]0;title" in terminal.getvalue()
    assert "\x1b]" not in terminal.getvalue()

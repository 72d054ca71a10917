"""Colour is for people who look."""

from __future__ import annotations

import io

import pytest

from recordingd.cli.terminal import in_one_line, plainly, shows_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_terminal_shows_colour() -> None:
    assert shows_colour(Terminal())


def test_pipe_shows_none() -> None:
    assert not shows_colour(io.StringIO())


@pytest.mark.parametrize(("value", "is_shown"), [("1", False), ("0", False), ("", True)])
def test_no_color_is_honoured(
    monkeypatch: pytest.MonkeyPatch, value: str, *, is_shown: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    assert shows_colour(Terminal()) is is_shown


def test_dumb_terminal_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not shows_colour(Terminal())


def test_text_of_others_neither_ends_a_line_nor_steers_a_terminal() -> None:
    assert in_one_line("bad \x1b[31mred\x07\nline é") == "bad  [31mred  line é"


def test_text_of_several_lines_keeps_them_and_nothing_else() -> None:
    assert plainly("one\x1b[2J\ntwo\r") == "one [2J\ntwo "

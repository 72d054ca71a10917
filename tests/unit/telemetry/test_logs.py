"""Log lines: their forms, and that nothing gets through unredacted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from recordingd.telemetry import logs

NUMBER = "+4915112345678"
MESSAGE = f"in the message {NUMBER}"
UNFIT = "%d files for %s"


@pytest.fixture(autouse=True)
def _restored_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level


class Journal:
    """Logging set up onto a text in memory."""

    def __init__(
        self,
        *,
        form: str = "json",
        level: str = "info",
        key: bytes | None = None,
        known_secrets: Sequence[str] = (),
    ) -> None:
        self.stream = io.StringIO()
        logs.set_up(
            form=form, level=level, key=key, known_secrets=known_secrets, stream=self.stream
        )
        self.log = logging.getLogger("recordingd.test")

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        parsed: dict[str, Any] = json.loads(line)
        return parsed


def fail_with(text: str) -> None:
    raise ValueError(text)


def test_json_line_says_when_how_and_what() -> None:
    journal = Journal()
    journal.log.warning("took %d ms", 5)
    line = journal.line
    assert (line["level"], line["logger"], line["message"]) == (
        "warning",
        "recordingd.test",
        "took 5 ms",
    )
    assert line["time"].endswith("Z")


def test_json_line_carries_its_fields() -> None:
    journal = Journal()
    journal.log.info("x", extra={"fields": {"alarm": "FileLost", "level": "forged", "n": 3}})
    assert (journal.line["alarm"], journal.line["level"], journal.line["n"]) == (
        "FileLost",
        "info",
        "3",
    )


@pytest.mark.parametrize("form", ["json", "text"])
def test_numbers_are_redacted_in_every_part_of_a_record(form: str) -> None:
    journal = Journal(form=form)
    journal.log.info(MESSAGE)
    journal.log.info("in the arguments %s", NUMBER)
    journal.log.info("in an object %r", {"from": NUMBER})
    journal.log.info("in the fields", extra={"fields": {"from": NUMBER}})
    # A stack quotes the source of the line that logs.
    journal.log.info("in the stack", stack_info=bool("+4915112345678"))
    try:
        fail_with(NUMBER)
    except ValueError:
        journal.log.exception("in the traceback")
    assert "ValueError" in journal.text
    assert NUMBER not in journal.text


def test_arguments_that_do_not_fit_the_message_stop_nobody() -> None:
    journal = Journal()
    journal.log.info(UNFIT, NUMBER)
    assert "files for" in journal.line["message"]
    assert NUMBER not in journal.text


def test_other_loggers_are_redacted_too() -> None:
    journal = Journal()
    logging.getLogger("httpx").warning("GET https://h/?sig=canary")
    assert "canary" not in journal.text


def test_pseudonyms_are_stable_under_one_key_over_restarts() -> None:
    Journal(key=b"k" * 32)
    before = logs.redact(NUMBER)
    Journal(key=b"k" * 32)
    assert logs.redact(NUMBER) == before


def test_pseudonyms_without_a_key_live_as_long_as_the_set_up() -> None:
    Journal()
    before = logs.redact(NUMBER)
    assert logs.redact(NUMBER) == before
    Journal()
    assert logs.redact(NUMBER) != before


def test_known_secrets_are_redacted() -> None:
    journal = Journal(known_secrets=["canary-secret"])
    journal.log.info("opened with canary-secret")
    assert "canary" not in journal.text


@pytest.mark.parametrize(
    ("level", "is_written"), [(logging.INFO, False), (logging.WARNING, True), (logging.ERROR, True)]
)
def test_level_is_a_threshold(level: int, *, is_written: bool) -> None:
    journal = Journal(level="warning")
    journal.log.log(level, "x")
    assert bool(journal.text) is is_written


def test_second_set_up_replaces_the_first() -> None:
    first, second = Journal(), Journal()
    second.log.warning("x")
    assert (first.text, len(second.text.splitlines())) == ("", 1)


def test_text_line_cannot_be_forged_by_what_it_quotes() -> None:
    journal = Journal(form="text")
    journal.log.info("id %s", "a\n2026-01-01T00:00:00Z ERROR root: forged\x1b[31m")
    assert len(journal.text.splitlines()) == 1
    assert "\x1b" not in journal.text


def test_traceback_in_text_is_indented() -> None:
    journal = Journal(form="text")
    try:
        fail_with("first\nsecond")
    except ValueError:
        journal.log.exception("failed")
    head, *rest = journal.text.splitlines()
    assert head.endswith("failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
    ],
)
def test_journal_line_begins_with_its_priority(level: int, priority: int) -> None:
    record = logging.LogRecord("n", level, "p", 1, "m", None, None)
    line = logs.TextFormatter(is_journal=True).format(record)
    assert line.startswith(f"<{priority}>{record.levelname}")


EFFECT = logs.Effect(
    verb="start",
    call="call-1",
    recording="rec-1",
    policy="support",
    source="support.yaml:12",
    revision=7,
    plan="plan-1",
    outcome="ok",
    ms_cv="aB1.0",
)


def test_effect_is_one_line_under_the_names_of_the_interface() -> None:
    journal = Journal()
    logs.log_effect(EFFECT)
    assert journal.line["message"] == (
        "call=call-1 rec=rec-1 policy=support source=support.yaml:12 rev=7 plan=plan-1 "
        "outcome=ok subcode=- ms-cv=aB1.0 verb=start reason=-"
    )
    assert (journal.line["ms-cv"], "subcode" in journal.line) == ("aB1.0", False)


def test_effect_quotes_what_would_break_the_line() -> None:
    journal = Journal()
    logs.log_effect(
        logs.Effect(verb="stop", call="c", outcome="permanent", reason='a "b"\noutcome=ok')
    )
    assert journal.line["message"].endswith(r'verb=stop reason="a \"b\"\noutcome=ok"')
    assert journal.line["message"].count(" outcome=") == 1

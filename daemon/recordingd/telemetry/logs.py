"""Structured log lines on standard error, redacted before they are written.

`cli` and `runtime` set logging up once; everything else uses the standard `logging`. A line is one
JSON object or one line of text; under systemd the text carries the journal's priorities. Where the
lines go afterwards is not known here.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from recordingd.telemetry.redaction import Redactor

EFFECTS = "recordingd.effect"

_UNSAID = "-"
# Priorities of sd-daemon(3) by logging level.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7
_NEEDS_QUOTES = frozenset(' "=\\')


# Libraries that tell every request or job at INFO; what matters of it is in our own lines.
_CHATTY = ("alembic", "apscheduler", "asyncio", "azure", "httpx", "uvicorn")


class _Holder:
    """The redactor of this process; one with a key of its own until `set_up` gives another."""

    redactor = Redactor(secrets.token_bytes(32))


def set_up(
    *,
    level: str = "info",
    form: str = "json",
    key: bytes | None = None,
    known_secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all log lines of the process to a stream (None: standard error), redacted.

    `form` is `json` or `text`. Pseudonyms are stable over restarts when a key is given, else for
    the life of the process. Replaces an earlier set-up.
    """
    _Holder.redactor = Redactor(key or secrets.token_bytes(32), secrets=known_secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(RedactingFilter())
    is_journal = stream is None and "JOURNAL_STREAM" in os.environ
    handler.setFormatter(
        JsonFormatter() if form == "json" else TextFormatter(is_journal=is_journal)
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def redact(text: str) -> str:
    """Replace numbers, identifiers and credentials in a text by this process's pseudonyms."""
    return _Holder.redactor.redact(text)


class RedactingFilter(logging.Filter):
    """Redacts a record in place: message with its arguments, fields, traceback and stack.

    Sits on the handler, because filters of a logger do not see the records of its children.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact and let through."""
        record.msg = redact(_message_of(record))
        record.args = None
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            record.fields = {name: redact(str(value)) for name, value in fields.items()}
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, then the record's `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        line: dict[str, object] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line.update({name: value for name, value in fields.items() if name not in line})
        trace = _trace_of(self, record)
        if trace:
            line["trace"] = trace
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """One line of text; a traceback follows indented, so that no text can imitate a line.

    With `is_journal` every line begins with its priority, and the journal's own time is left to it.
    """

    def __init__(self, *, is_journal: bool = False) -> None:
        super().__init__()
        self._is_journal = is_journal

    def format(self, record: logging.LogRecord) -> str:
        """Render a record."""
        time = "" if self._is_journal else f"{_time_of(record)} "
        head = f"{time}{record.levelname:<7} {record.name}: {_one_line(record.getMessage())}"
        lines = [head, *(f"    {line}" for line in _trace_of(self, record).splitlines())]
        prefix = f"<{_priority_of(record.levelno)}>" if self._is_journal else ""
        return "\n".join(prefix + line for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect on the world as its log line tells it; None is written as `-`.

    `source` is `file:line` of the policy, in the files of `revision`; `subcode` and `ms_cv` are the
    service's.
    """

    verb: str
    call: str
    outcome: str
    recording: str | None = None
    policy: str | None = None
    source: str | None = None
    revision: int | None = None
    plan: str | None = None
    subcode: str | None = None
    ms_cv: str | None = None
    reason: str | None = None


def log_effect(effect: Effect, *, level: int = logging.INFO) -> None:
    """Write the one line of an effect, under the names of the interface, in a fixed order."""
    fields = {
        "call": effect.call,
        "rec": effect.recording,
        "policy": effect.policy,
        "source": effect.source,
        "rev": None if effect.revision is None else str(effect.revision),
        "plan": effect.plan,
        "outcome": effect.outcome,
        "subcode": effect.subcode,
        "ms-cv": effect.ms_cv,
        "verb": effect.verb,
        "reason": effect.reason,
    }
    message = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    said = {name: value for name, value in fields.items() if value is not None}
    logging.getLogger(EFFECTS).log(level, "%s", message, extra={"fields": said})


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError) as error:
        # A filter that raises would stop whoever logs; the handler would only have complained.
        return f"{record.msg} {record.args!r} ({error})"


def _quoted(value: str | None) -> str:
    if value is None:
        return _UNSAID
    if not value or not value.isprintable() or _NEEDS_QUOTES.intersection(value):
        return json.dumps(value)
    return value


def _one_line(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info and not record.exc_text:
        record.exc_text = formatter.formatException(record.exc_info)
    return "\n".join(part for part in (record.exc_text, record.stack_info) if part)


def _priority_of(level: int) -> int:
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG_PRIORITY)

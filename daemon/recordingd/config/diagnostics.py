"""Faults in files, each with its position, as text for a terminal and as JSON.

Made by the readers of this package, printed by `cli`, carried by `Invalid` to whoever asked for a
value that does not exist. Never learns what a policy or a setting means.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from recordingd.domain.errors import ConfigurationError

# Where libyaml breaks lines, so that a position and the line shown under it agree.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

# Columns of a source line that are shown; a minified file is one line of 256 KiB.
_EXCERPT_MAX = 120

# How a terminal is told to write strongly, in blue, and in the colour of a severity.
_STRONG = "1"
_BLUE = "1;34"
_HUES = {"error": "1;31", "warning": "1;33", "note": "1;36"}


class Severity(enum.Enum):
    """Whether a file can be used in spite of a finding."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A stretch of a file: lines and columns from 1, columns in code points, the end exclusive."""

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another place that a finding is about, and what it has to do with it."""

    file: str
    span: Span
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding in one file.

    `file` is the path as a person would type it. `code` is stable; `message` is one line.
    `source_line` is the text of the line it starts on, None where the file could not be read.
    """

    file: str
    span: Span
    severity: Severity
    code: str
    message: str
    help: str | None = None
    related: tuple[Related, ...] = ()
    source_line: str | None = field(default=None, repr=False)

    @property
    def is_error(self) -> bool:
        """Whether the file cannot be used because of it."""
        return self.severity is Severity.ERROR

    @property
    def where(self) -> str:
        """Where it begins, as a person and an editor name a place."""
        return f"{_shown(self.file)}:{self.span.line}:{self.span.column}"

    @property
    def headline(self) -> str:
        """The finding on one line, with its position."""
        return f"{self.where}: {self.severity.value}: {_shown(self.message)} [{self.code}]"

    def as_text(self, *, colour: bool = False) -> str:
        """Render with the source line, a caret run under the token, help and related places."""
        strong, hue = (_STRONG, _HUES[self.severity.value]) if colour else ("", "")
        blue = _BLUE if colour else ""
        severity = _painted(self.severity.value, hue)
        message = _painted(_shown(self.message), strong)
        lines = [f"{_painted(self.where, strong)}: {severity}: {message} [{self.code}]"]
        margin = " " * 5
        if self.source_line is not None:
            number = str(self.span.line).rjust(5)
            margin = " " * len(number)
            shown, carets = self._excerpt(self.source_line)
            lines.append(f"{_painted(f'{number} |', blue)} {shown}".rstrip())
            lines.append(f"{_painted(f'{margin} |', blue)} {_painted(carets, hue)}")
        if self.help is not None:
            lines.append(f"{margin} {_painted('= help:', blue)} {_shown(self.help)}")
        for other in self.related:
            place = f"{_shown(other.file)}:{other.span.line}:{other.span.column}"
            lines.append(f"{margin} {_painted('= see:', blue)} {place}: {_shown(other.message)}")
        return "\n".join(lines)

    def _excerpt(self, line: str) -> tuple[str, str]:
        """Return the part of a line around the finding that fits a terminal, and its carets."""
        start = min(self.span.column - 1, len(line))
        is_one_line = self.span.end_line == self.span.line
        end = min(self.span.end_column - 1 if is_one_line else len(line), len(line))
        first = 0 if start < _EXCERPT_MAX else start - _EXCERPT_MAX // 2
        shown = _shown(line[first : first + _EXCERPT_MAX])
        before, token = shown[: start - first], shown[start - first : max(end, start) - first]
        return shown, " " * columns_of(before) + "^" * max(1, columns_of(token))

    def as_json(self) -> dict[str, Any]:
        """Return the object that `validate -f json` prints for it."""
        return {
            "file": self.file,
            **_span_json(self.span),
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "help": self.help,
            "related": [
                {"file": other.file, **_span_json(other.span), "message": other.message}
                for other in self.related
            ],
        }


def _span_json(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _shown(text: str) -> str:
    """Keep the place of every character while making controls harmless to a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a printable text takes.

    Ideographs and most emoji take two columns, marks above or below a letter none.
    """
    if text.isascii():
        return len(text)
    import unicodedata  # most lines that are shown are ASCII

    return sum(
        1 + (unicodedata.east_asian_width(c) in {"W", "F"})
        for c in text
        if unicodedata.category(c) not in {"Mn", "Me"}
    )


def split_lines(text: str) -> list[str]:
    """Split a text into lines where its positions do."""
    return _LINE_BREAK.split(text)


class SourceFile:
    """The text of one file: `path` relative to its tree, `shown` as a person would type it."""

    __slots__ = ("_hidden", "_lines", "path", "shown", "text")

    def __init__(self, *, path: str, shown: str, text: str) -> None:
        self.path = path
        self.shown = shown
        self.text = text
        self._lines: list[str] | None = None
        self._hidden: list[Span] = []

    def hide(self, span: Span) -> None:
        """Never show this stretch: a secret was written where it must not be."""
        self._hidden.append(span)

    def hides(self, line: int, column: int) -> bool:
        """Say whether a character, both counted from 1, is never shown."""
        return any(
            (s.line, s.column) <= (line, column) < (s.end_line, s.end_column) for s in self._hidden
        )

    def line(self, number: int) -> str | None:
        """Return a line by its number from 1, what is hidden starred; None where there is none."""
        if self._lines is None:
            self._lines = split_lines(self.text.removeprefix("\ufeff"))
        if not self.text or not 0 < number <= len(self._lines):
            return None
        line = self._lines[number - 1]
        for span in self._hidden:
            if span.line <= number <= span.end_line:
                start = span.column - 1 if number == span.line else 0
                end = span.end_column - 1 if number == span.end_line else len(line)
                line = line[:start] + "*" * len(line[start:end]) + line[end:]
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stretch of a file that something can be said about."""

    file: SourceFile
    span: Span

    def related(self, message: str) -> Related:
        """Name this place beside a finding about another one."""
        return Related(file=self.file.shown, span=self.span, message=message)


class Findings:
    """Collects what is wrong with many files; one finding per place and code."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span, str], tuple[Diagnostic, SourceFile | None]] = {}
        self._errors = 0

    def error(
        self,
        place: Place,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Add a finding that makes the file unusable."""
        self._add(place, Severity.ERROR, code, message, hint=hint, related=related)

    def warning(
        self,
        place: Place,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Add a finding that a person should know about."""
        self._add(place, Severity.WARNING, code, message, hint=hint, related=related)

    def note(
        self,
        place: Place,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        related: tuple[Related, ...] = (),
    ) -> None:
        """Add a finding that is no fault: what a file relies on."""
        self._add(place, Severity.NOTE, code, message, hint=hint, related=related)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add findings made elsewhere."""
        for found in diagnostics:
            self._keep(found, None)

    def _add(
        self,
        place: Place,
        severity: Severity,
        code: str,
        message: str,
        *,
        hint: str | None,
        related: tuple[Related, ...],
    ) -> None:
        found = Diagnostic(
            file=place.file.shown,
            span=place.span,
            severity=severity,
            code=code,
            message=message,
            help=hint,
            related=related,
        )
        self._keep(found, place.file)

    def _keep(self, found: Diagnostic, file: SourceFile | None) -> None:
        key = (found.file, found.span, found.code)
        if key not in self._found:
            self._found[key] = found, file
            self._errors += found.is_error

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every finding, by file and position.

        The lines are taken only now, when everything that must be hidden is known.
        """
        return tuple(in_order(_with_line(*entry) for entry in self._found.values()))

    @property
    def error_count(self) -> int:
        """How many findings make a file unusable."""
        return self._errors

    @property
    def has_errors(self) -> bool:
        """Whether anything found makes a file unusable."""
        return self._errors > 0


def _with_line(found: Diagnostic, file: SourceFile | None) -> Diagnostic:
    return found if file is None else replace(found, source_line=file.line(found.span.line))


class Invalid(ConfigurationError):
    """Files that cannot be used; `diagnostics` holds every finding in them, by position."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(tuple(d.headline for d in self.diagnostics if d.is_error))


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort findings by file, then position, then code."""
    return sorted(diagnostics, key=lambda d: (d.file, d.span, d.code, d.message))

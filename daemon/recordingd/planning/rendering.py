"""A plan as people and machines read it: one object, two forms.

Called by `cli.plan`. The JSON form is an interface (formatVersion 1); the text form is made from
the same lines in the same order, so that neither says what the other does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.planning.forecast import UNKNOWN, PlanLine, Section

FORMAT_VERSION = "1"
COUNTED = ("start", "pause", "resume", "stop", "download", "remove", "purge")
_SYMBOLS: Mapping[str, str] = {
    "start": "+",
    "pause": "~",
    "resume": "~",
    "stop": "-",
    "download": "v",
    "verify": "v",
    "remove": "-",
    "purge": "-",
    "close": "~",
    "lose": "~",
    "expire": "~",
    "add": "+",
    "change": "~",
    "delete": "-",
    UNKNOWN: "?",
}
_TITLES: Mapping[Section, str] = {
    Section.POLICY: "Policy changes since the running revision",
    Section.LIVE: "Live calls",
    Section.DRIFT: "Drift",
    Section.SWEEPS: "Sweeps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPlan:
    """A whole plan; `lines` are sorted within each section by time and target."""

    at: datetime
    horizon: datetime
    policy_digest: str
    ledger_generation: int
    lines: tuple[PlanLine, ...]

    @property
    def has_changes(self) -> bool:
        """Whether anything would change now; what only time brings never counts."""
        return any(line.is_due for line in self.lines)

    def section(self, section: Section) -> list[PlanLine]:
        """Return the lines of one section."""
        lines = (line for line in self.lines if line.section is section)
        return sorted(lines, key=lambda line: (line.at, line.verb, line.target))

    def summary(self) -> dict[str, int]:
        """Count what would be done now, by verb, and what would not and why."""
        due = [line for line in self.lines if line.is_due]
        counts = {verb: sum(line.verb == verb for line in due) for verb in COUNTED}
        counts["blocked"] = sum(line.blocked_by is not None for line in self.lines)
        counts["unknown"] = sum(line.verb == UNKNOWN for line in self.lines)
        counts["purgeBytes"] = sum(line.size_bytes for line in due)
        return counts

    def as_json(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "formatVersion": FORMAT_VERSION,
            "at": _moment(self.at),
            "policyDigest": self.policy_digest,
            "ledgerGeneration": self.ledger_generation,
            "summary": self.summary(),
            "sections": {
                section.value: [_line_json(line) for line in self.section(section)]
                for section in Section
            },
        }

    def as_text(self) -> str:
        """Return the text form, ending in a summary line."""
        return "\n".join(self._text_lines())

    def _text_lines(self) -> Iterator[str]:
        for section in Section:
            lines = self.section(section)
            yield f"{_TITLES[section]}: {len(lines) or 'nothing'}"
            yield from _columns([_cells(line) for line in lines])
        counts = self.summary()
        due = [f"{counts[verb]} to {verb}" for verb in COUNTED if counts[verb]]
        changed = len(self.section(Section.POLICY))
        if changed:
            due.insert(0, f"{changed} policy file{'s' if changed > 1 else ''} to take into force")
        shown = ", ".join(due)
        rest = ", ".join(f"{counts[n]} {n}" for n in ("blocked", "unknown") if counts[n])
        yield f"Plan: {shown or 'nothing is due'}{'; ' + rest if rest else ''}."


def _line_json(line: PlanLine) -> dict[str, object]:
    source = line.why.source
    return {
        "verb": line.verb,
        "target": line.target,
        "reason": line.why.text,
        "reasonCode": line.why.code.value,
        "policy": line.why.policy,
        "source": None if source is None else str(source),
        "at": _moment(line.at),
        "isForecast": line.is_forecast,
        "blockedBy": line.blocked_by,
    }


def _cells(line: PlanLine) -> Sequence[str]:
    symbol = "!" if line.blocked_by is not None else _SYMBOLS[line.verb]
    source = "" if line.why.source is None else str(line.why.source)
    when = f" at {line.at:%Y-%m-%d %H:%M} UTC" if line.is_forecast else ""
    blocked = f" (blocked by {line.blocked_by})" if line.blocked_by is not None else ""
    reason = f"{line.why.text}{blocked}"
    return (f"  {symbol} {line.verb}", f"{line.target}{when}", reason, source)


def _columns(rows: list[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")

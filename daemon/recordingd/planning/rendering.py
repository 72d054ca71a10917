"""A plan as people and machines read it: one object, three forms.

Called by `cli.plan`. The JSON form is an interface (formatVersion 1, `schema/plan.schema.json`);
the others are made from the same lines in the same order, so that none says what another does not.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recordingd.domain.durations import Forever
from recordingd.domain.plans import ReasonCode
from recordingd.domain.recordings import RecordingId
from recordingd.planning.dates import Date
from recordingd.planning.forecast import CHANGE, KEEP, UNKNOWN, PlanLine, Section
from recordingd.planning.markdown import comment
from recordingd.planning.policy_lines import LOCK, REFUSING
from recordingd.planning.sizes import bytes_in_words

FORMAT_VERSION = "1"
COUNTED = ("start", "pause", "resume", "stop", "download", "remove", "purge")
APPROVE = "recordingd plan -o plan.json, then recordingd apply plan.json"
SYMBOLS: Mapping[str, str] = {
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
    CHANGE: "~",
    "delete": "-",
    UNKNOWN: "?",
    KEEP: "=",
}
_BLOCKED = "!"
_TITLES: Mapping[Section, str] = {
    Section.POLICY: "Policy changes since the running revision",
    Section.LIVE: "Live calls",
    Section.DRIFT: "Drift",
    Section.SWEEPS: "Sweeps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPlan:
    """A whole plan; `lines` may be in any order.

    `instance` is the resource that it is about; `purge_generation` the purge gate's, which rises
    when a hold is placed or released; `unread` counts the kept recordings that were not looked at
    one by one, since no rule says anything new of them.
    """

    instance: str
    at: datetime
    horizon: datetime
    policy_digest: str
    purge_generation: int
    lines: tuple[PlanLine, ...]
    unread: int = 0

    @property
    def has_changes(self) -> bool:
        """Whether anything would change now; what only time brings never counts."""
        return any(line.is_due for line in self.lines)

    def section(self, section: Section) -> list[PlanLine]:
        """Return the lines of one section, sorted by time, verb and target."""
        lines = (line for line in self.lines if line.section is section)
        return sorted(lines, key=lambda line: (line.at, line.verb, line.target))

    @property
    def candidates(self) -> tuple[RecordingId, ...]:
        """The recordings that an approval of this plan would let go earlier, sorted."""
        found = {one.recording for one in self.lines if one.needs_approval}
        return tuple(sorted(one for one in found if one is not None))

    @property
    def refusals(self) -> tuple[PlanLine, ...]:
        """The lines for which a reload refuses the policy files."""
        return tuple(one for one in self.section(Section.POLICY) if one.blocked_by in REFUSING)

    @property
    def locked(self) -> tuple[PlanLine, ...]:
        """Those of the refusals that no approval lifts."""
        return tuple(one for one in self.refusals if one.blocked_by == LOCK)

    def summary(self) -> dict[str, int]:
        """Count what would be done now, by verb, and what would not and why."""
        due = [line for line in self.lines if line.is_due]
        single = [line for line in self.lines if not line.is_sum]
        counts = {verb: sum(line.verb == verb for line in due) for verb in COUNTED}
        counts["blocked"] = sum(line.blocked_by is not None for line in single)
        counts["unknown"] = sum(line.verb == UNKNOWN for line in single)
        counts["purgeBytes"] = sum(line.size_bytes for line in due if line.verb == "purge")
        return counts

    def as_json(self) -> dict[str, object]:
        """Return the JSON form; `planDigest` is over everything else in it."""
        form: dict[str, object] = {
            "formatVersion": FORMAT_VERSION,
            "instance": self.instance,
            "at": _moment(self.at),
            "horizon": _moment(self.horizon),
            "policyDigest": self.policy_digest,
            "ledgerGeneration": self.purge_generation,
            "summary": self.summary(),
            "keptUnread": self.unread,
            "candidates": list(self.candidates),
            "sections": {
                section.value: [_line_json(line) for line in self.section(section)]
                for section in Section
            },
        }
        return {**form, "planDigest": plan_digest(form)}

    def as_markdown(self) -> str:
        """Return a comment for a pull request."""
        about = f"Policies `{self.policy_digest[:12]}`, as of {_moment(self.at)}."
        heading = "\n\n".join([about, *self._verdict()])
        sections = [(section, self.section(section)) for section in Section]
        titled = [(self._title(s, lines), list(_columns(lines))) for s, lines in sections]
        return comment(heading, self.summary(), titled)

    def as_text(self, lines_max: int | None = None) -> str:
        """Return the text form, ending in the verdict; at most so many lines a section."""
        return "\n".join(self._text_lines(lines_max))

    def _text_lines(self, lines_max: int | None) -> Iterator[str]:
        for section in Section:
            lines = self.section(section)
            yield self._title(section, lines)
            yield from (f"  {row}" for row in _columns(lines[:lines_max]))
            if lines_max is not None and len(lines) > lines_max:
                yield f"  … and {len(lines) - lines_max:,} more; --limit shows more of them"
        yield from self._verdict()

    def _title(self, section: Section, lines: Sequence[PlanLine]) -> str:
        title = _TITLES[section]
        if section is Section.SWEEPS:
            title += f" until {self.horizon:%Y-%m-%d %H:%M} UTC"
        return f"{title}: {', '.join(_tally(lines)) or 'nothing'}"

    def _verdict(self) -> Iterator[str]:
        counts = self.summary()
        due = [f"{counts[verb]:,} to {verb}" for verb in COUNTED if counts[verb]]
        policy = (one for one in self.lines if one.why.code is ReasonCode.POLICY_CHANGED)
        changed = sum(one.is_due for one in policy)
        if changed:
            due.insert(0, f"{changed} policy change{'s' * (changed > 1)} to take into force")
        rest = ", ".join(f"{counts[n]:,} {n}" for n in ("blocked", "unknown") if counts[n])
        yield f"Plan: {', '.join(due) or 'nothing is due'}{'; ' + rest if rest else ''}."
        if self.refusals:
            yield f"A reload refuses these files: see the lines that begin with {_BLOCKED}."
        if self.candidates and not self.locked:
            count = len(self.candidates)
            what = "recordings need" if count > 1 else "recording needs"
            yield f"{count:,} {what} an approved plan: {APPROVE}"
        if self.unread:
            yield (
                f"{self.unread:,} kept recordings were not looked at one by one: no rule says"
                " anything new of them."
            )


def plan_digest(form: Mapping[str, object]) -> str:
    """Return the SHA-256 of a plan's JSON form, `planDigest` apart, in hex."""
    content = {name: value for name, value in form.items() if name != "planDigest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
        "needsApproval": line.needs_approval,
        "recording": line.recording,
        "sizeBytes": line.size_bytes,
        "deleteAt": _date(line.goes_at),
        "isShorter": line.is_shorter,
        "isSum": line.is_sum,
    }


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _date(value: Date) -> str | None:
    if isinstance(value, Forever):
        return "never"
    return None if value is None else _moment(value)


# --- in text --------------------------------------------------------------------------------------


def _columns(lines: Sequence[PlanLine]) -> Iterator[str]:
    """Yield lines with their cells below each other; the reason, the longest of them, is last."""
    rows = [_cells(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _cells(line: PlanLine) -> tuple[str, ...]:
    is_blocked = line.blocked_by is not None
    symbol = _BLOCKED if is_blocked else SYMBOLS[line.verb]
    when = f" at {line.at:%Y-%m-%d %H:%M} UTC" if line.is_forecast else ""
    behind = " ".join(str(part) for part in (line.why.policy, line.why.source) if part is not None)
    blocked = f" (blocked by {line.blocked_by})" if is_blocked else ""
    cells = (f"{symbol} {line.verb}", f"{line.target}{when}", behind, f"{line.why.text}{blocked}")
    return tuple(map(_in_one_line, cells))


def _in_one_line(text: str) -> str:
    """Leave out what would end a line or steer a terminal: files and callers write these texts."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _tally(lines: Sequence[PlanLine]) -> Iterator[str]:
    """Yield how many lines there are of each verb, with their bytes and days."""
    by_verb: dict[str, list[PlanLine]] = defaultdict(list)
    for line in lines:
        by_verb[line.verb].append(line)
    for verb, some in by_verb.items():
        size = sum(line.size_bytes for line in some if not line.is_sum)
        days = sorted({f"{line.at:%Y-%m-%d}" for line in some if line.is_forecast})
        blocked = sum(line.blocked_by is not None for line in some)
        words = [
            *([bytes_in_words(size)] if size else []),
            *([days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"] if days else []),
            *([f"{blocked:,} blocked"] if blocked else []),
        ]
        counted = f"{len(some):,} {'' if verb == UNKNOWN else 'to '}{verb}"
        yield f"{counted} ({', '.join(words)})" if words else counted

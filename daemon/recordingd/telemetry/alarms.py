"""The alarms that are active now: one per cause, with what it means and what to do next.

Raised by `runtime` and `ingress` on the event loop's thread, read by `status`, the journal and the
metrics. In memory only: after a restart a cause that persists raises its alarm again. What counts
as a cause is decided by whoever raises it.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recordingd.telemetry.logs import redact
from recordingd.telemetry.metrics import Metrics

_LOG = logging.getLogger(__name__)


class Severity(enum.Enum):
    """Whether somebody is woken, or finds it in the morning."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKind:
    """What an alarm of a name always says: what is lost while it lasts, and what to run."""

    severity: Severity
    impact: str
    next: tuple[str, ...]


def _page(impact: str, *commands: str) -> AlarmKind:
    return AlarmKind(severity=Severity.PAGE, impact=impact, next=commands)


def _ticket(impact: str, *commands: str) -> AlarmKind:
    return AlarmKind(severity=Severity.TICKET, impact=impact, next=commands)


_STATUS = "recordingd status"
_JOURNAL = "journalctl -u recordingd -p warning --since -1h"
_LIST = "recordingd recordings list"

ALARM_KINDS: Mapping[str, AlarmKind] = {
    "CloudCredentialRejected": _page(
        "No recording can be started, stopped or downloaded until the key is accepted.",
        "recordingd validate",
        _JOURNAL,
    ),
    "CloudUnreachable": _page(
        "Recordings do not start; announced files wait and expire 24 h after their event.",
        _STATUS,
        _JOURNAL,
    ),
    "ArchiveFillsSoon": _page(
        "Downloads stop when the archive is full; files then expire on the service.",
        "df -h",
        _STATUS,
    ),
    "EventsMissing": _page(
        "No events arrive, so calls are not noticed and not recorded.", _STATUS, _JOURNAL
    ),
    "EventsRejected": _page(
        "Events arrive with a credential that does not verify; they are lost after 24 h.",
        _STATUS,
        _JOURNAL,
    ),
    "PolicyNotInForce": _page(
        "The policy files differ from what the daemon enforces.", "recordingd validate", _STATUS
    ),
    "FileDeadlineNear": _page(
        "A file that is not downloaded yet will be dropped by the service.", _LIST, _STATUS
    ),
    "FileLost": _page("The service dropped a file before it was downloaded.", _LIST, _JOURNAL),
    "CaptureUncontrolled": _page(
        "A recording may capture audio that nobody allowed.", _LIST, _JOURNAL
    ),
    "AuditChainBroken": _page(
        "The history was altered or damaged; deletions must not be trusted to it.",
        "recordingd ledger check",
        _STATUS,
    ),
    "LoopStalled": _page(
        "Nothing is started, stopped, downloaded or purged while the loop stands.",
        _JOURNAL,
        "systemctl restart recordingd",
    ),
    "EventsPoison": _ticket(
        "An event was kept that cannot be understood; what it reported is unknown.",
        _STATUS,
        _JOURNAL,
    ),
    "StartUnresolved": _ticket(
        "A start was sent and its outcome is unknown; the call may be recorded or not.",
        _LIST,
        _JOURNAL,
    ),
    "RecordingRefused": _ticket(
        "The service refused to record a call that a policy wants recorded.", _LIST, _JOURNAL
    ),
    "PolicyConflict": _ticket(
        "Policies of equal rank disagree about a call.", "recordingd validate", _STATUS
    ),
    "FileSuspect": _ticket(
        "A stored file is not as long, or has not the channels, that was announced.", _LIST
    ),
    "FileUnannounced": _ticket(
        "A recording ended and the service announced no file for it.", _LIST, _JOURNAL
    ),
    "UrlRefused": _ticket(
        "A file was announced at a host that is not allowed; it is not downloaded.",
        _LIST,
        _JOURNAL,
    ),
    "ExportUnverified": _ticket(
        "The service says that it wrote a file to a container, and it could not be verified there.",
        _LIST,
        _JOURNAL,
    ),
    "StoreRefused": _ticket(
        "A store answers that it will not keep, show or delete a copy: a permission or a lock.",
        _LIST,
        _JOURNAL,
    ),
    "AssignedParticipantAbsent": _ticket(
        "A recording runs without the participant that its policy gives a channel to.", _LIST
    ),
    "ForbidUndecided": _ticket(
        "A call is held silent because a policy that may forbid it lacks a fact.", _LIST
    ),
    "ConsentRuleMissing": _ticket(
        "A call is held silent because no consent rule covers it and the settings ask for one.",
        "recordingd validate",
        _LIST,
    ),
    "PauseOverdue": _ticket(
        "A pause lasts longer than its rule expects; nothing is recorded while it does.", _LIST
    ),
    "SuspensionActive": _ticket(
        "A policy or all deletions are suspended: they do not act as the files say.", _STATUS
    ),
    "HoldSourceRemoved": _ticket(
        "No document describes a legal hold any more; it stays, and keeps every recording.",
        "recordingd diff",
        _STATUS,
    ),
    "ShorteningUnapproved": _ticket(
        "Rules would let recordings go earlier than was promised; they stay until a plan says so.",
        "recordingd plan -o plan.json",
        "recordingd apply plan.json",
    ),
    "DeletesHeldBack": _ticket(
        "More recordings than allowed would go earlier than was promised; they are not deleted.",
        "recordingd plan",
        _LIST,
    ),
}
_UNLISTED = _ticket("An alarm without an entry of its own; see its evidence.", _STATUS, _JOURNAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlarm:
    """One cause that lasts: since when, how often it was seen, and the evidence seen last."""

    name: str
    since: datetime
    last_at: datetime
    count: int
    evidence: Mapping[str, str]
    deadline: datetime | None

    @property
    def kind(self) -> AlarmKind:
        """What an alarm of this name always says."""
        return ALARM_KINDS.get(self.name, _UNLISTED)

    def to_json(self) -> dict[str, object]:
        """Return the alarm as `status` shows it."""
        return {
            "name": self.name,
            "severity": self.kind.severity.value,
            "since": _time(self.since),
            "count": self.count,
            "impact": self.kind.impact,
            "deadline": None if self.deadline is None else _time(self.deadline),
            "evidence": dict(self.evidence),
            "next": list(self.kind.next),
            "runbook": f"runbook.md#{self.name.lower()}",
        }


class Alarms:
    """The register; not to be shared between threads."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._active: dict[str, ActiveAlarm] = {}

    def raise_alarm(
        self,
        name: str,
        evidence: Mapping[str, str],
        *,
        at: datetime,
        deadline: datetime | None = None,
    ) -> None:
        """Say that a cause was seen: a new alarm, or one more of the same.

        The first time is logged; after that only the count and the evidence change. The earliest
        deadline stays.
        """
        known = self._active.get(name)
        both = (deadline, known.deadline if known else None)
        alarm = ActiveAlarm(
            name=name,
            since=known.since if known else at,
            last_at=at,
            count=known.count + 1 if known else 1,
            # Shown by `status` too, which is no place for numbers either.
            evidence={name: redact(value) for name, value in evidence.items()},
            deadline=min((moment for moment in both if moment is not None), default=None),
        )
        self._active[name] = alarm
        if known is None:
            self._announce(alarm)

    def clear(self, name: str) -> None:
        """Say that a cause is gone. Idempotent."""
        alarm = self._active.pop(name, None)
        if alarm is not None:
            self._metrics.alarm_active.labels(name=name, severity=alarm.kind.severity.value).set(0)
            _LOG.info("alarm cleared: %s", name, extra={"fields": {"alarm": name}})

    def clear_quiet(self, name: str, *, before: datetime) -> None:
        """Clear an alarm whose cause was last seen before a moment, for causes without an end."""
        alarm = self._active.get(name)
        if alarm is not None and alarm.last_at < before:
            self.clear(name)

    def active(self) -> tuple[ActiveAlarm, ...]:
        """Return the active alarms, pages first, then the oldest first."""
        return tuple(
            sorted(
                self._active.values(),
                key=lambda a: (a.kind.severity is Severity.TICKET, a.since, a.name),
            )
        )

    def to_json(self) -> list[dict[str, object]]:
        """Return the active alarms as `status` shows them."""
        return [alarm.to_json() for alarm in self.active()]

    def _announce(self, alarm: ActiveAlarm) -> None:
        severity = alarm.kind.severity
        self._metrics.alarm_active.labels(name=alarm.name, severity=severity.value).set(1)
        evidence = " ".join(f"{name}={value}" for name, value in alarm.evidence.items())
        _LOG.log(
            logging.ERROR if severity is Severity.PAGE else logging.WARNING,
            "alarm=%s severity=%s: %s next: %s; evidence: %s",
            alarm.name,
            severity.value,
            alarm.kind.impact,
            ", ".join(alarm.kind.next),
            evidence or "none",
            extra={"fields": {"alarm": alarm.name, "severity": severity.value}},
        )


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

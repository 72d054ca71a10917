"""What is written down of what happened: the audit lines of the ledger.

Called by `runtime.steps` inside its transaction. Audit lines name our ids and
the service's words, never a participant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields

from recordingd.domain.calls import CallEvent, CallId
from recordingd.domain.plans import VERBS, Action, Effect, LedgerAction, target_of
from recordingd.domain.recordings import Recording, ServiceRecordingId
from recordingd.ports.ledger import AuditEntry

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")
_COMMON = frozenset({"call_id", "why"})


def kind_of(action: object) -> str:
    """Name a value's class as an audit line does: `ExpectRecording` is `expect.recording`."""
    return _WORD_START.sub(".", type(action).__name__).lower()


def event_line(call_id: CallId, event: CallEvent, seq: int) -> AuditEntry:
    """Write down that an event was applied."""
    return AuditEntry(
        kind=f"event.{type(event).__name__}",
        call_id=call_id,
        ref=None,
        detail={"inbox": seq, "at": event.at.isoformat()},
    )


def action_line(action: LedgerAction, revision: int) -> AuditEntry:
    """Write down a change of the ledger that a plan asked for, under a revision of the policies."""
    own = {
        f.name: str(getattr(action, f.name))
        for f in fields(action)
        if f.name not in _COMMON and f.name in {"recording", "file", "pause", "outcome", "at"}
    }
    return AuditEntry(
        kind=kind_of(action),
        call_id=action.call_id,
        ref=None,
        detail={**own, **_why(action), "revision": revision},
    )


def intent_line(effect: Effect, revision: int) -> AuditEntry:
    """Write down that an effect is about to be carried out."""
    return AuditEntry(
        kind=f"intent.{VERBS[type(effect)].value}",
        call_id=effect.call_id,
        ref=target_of(effect),
        detail={**_why(effect), "revision": revision},
    )


def outcome_line(effect: Effect, outcome: str, detail: str) -> AuditEntry:
    """Write down how an effect ended."""
    return AuditEntry(
        kind=f"outcome.{VERBS[type(effect)].value}",
        call_id=effect.call_id,
        ref=target_of(effect),
        detail={"outcome": outcome, "detail": detail},
    )


def _why(action: Action) -> dict[str, str | None]:
    return {
        "reason": action.why.text,
        "code": action.why.code.value,
        "policy": action.why.policy,
        "source": None if action.why.source is None else str(action.why.source),
    }


def learned_ids(
    before: Iterable[Recording], after: Iterable[Recording]
) -> frozenset[ServiceRecordingId]:
    """Return the service's recording ids that are known after a change and were not before."""
    known = {r.recording_id for r in before}
    ids = (r.recording_id for r in after)
    return frozenset(i for i in ids if i is not None and i not in known)

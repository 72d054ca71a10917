"""Tests that people write beside their policies: a call, what happens in it, what is expected.

Built by `config`, played by `planning.policy_tests`, judged by `planning.expectations`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.calls import Call, ConsentAnswer, Party, RawId
from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import RuleName, Source
from recordingd.domain.policies import Decision, PolicyName

# --- what happens ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens; `source` is its line."""

    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers(Step):
    """Somebody answers, or with `participant` None the call as a whole."""

    answer: ConsentAnswer
    participant: str | None = None
    purpose: str = "recording"
    method: str = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins(Step):
    """Somebody joins."""

    party: Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves(Step):
    """Somebody leaves."""

    participant: RawId


@dataclass(frozen=True, slots=True, kw_only=True)
class IsTagged(Step):
    """The application says tags and roles (role by raw id)."""

    tags: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsksForPause(Step):
    """The application asks for silence, or with `is_resume` for its end."""

    is_resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePasses(Step):
    """Nothing happens for a while."""

    duration: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends(Step):
    """The call ends."""


AnyStep = Answers | Joins | Leaves | IsTagged | AsksForPause | TimePasses | Ends


# --- what is expected -----------------------------------------------------------------------------


class ExpectedCapture(enum.Enum):
    """What a recording does at one moment, as a test says it; NONE is that there is none."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRetention:
    """Dates as lengths from the moment they count from; None is not looked at.

    `rule` is the one that decides the deletion, or the floor where only that is expected.
    """

    keep_until: Duration | Forever | None = None
    delete_after: Duration | Forever | None = None
    rule: RuleName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must be true after so many steps (0: at the start); what is None is not looked at.

    `policy` "" expects that none wins, and so does `decision: none`. `record` holds only the fields
    that were written, by their names and with their words in the language; `assign` is channel ->
    raw id as the recording started.
    """

    source: Source
    after: int
    policy: PolicyName | None = None
    decision: Decision | None = None
    record: Mapping[str, object] | None = None
    assign: Mapping[int, RawId] | None = None
    capture: ExpectedCapture | None = None
    pauses: frozenset[str] | None = None
    consent: str | None = None
    retention: ExpectedRetention | None = None
    holds: frozenset[RuleName] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """One test: the call as it begins, the steps in order, the expectations by step.

    `call` and `parties` are as of the call's start; `is_list_complete` says that the list of
    participants is known to be complete throughout.
    """

    name: RuleName
    source: Source
    call: Call
    parties: tuple[Party, ...]
    started_at: datetime
    is_list_complete: bool
    steps: tuple[AnyStep, ...]
    expect: tuple[Expectation, ...]
    description: str | None = None

"""What a recording needs of the people in it, as rules say it and as it counts for one call.

`ConsentSpec` is the body of one rule, `ConsentNeed` what all rules of a call come to together
(`planning.consent_rules` combines them, strictest first). Who has answered what is a fact and lives
in `domain.recordings`; what follows for the audio is `planning.consent`'s.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from recordingd.domain.durations import Duration, Forever
from recordingd.domain.matchers import Condition, RuleName, Selector, Source


class ConsentMode(enum.Enum):
    """What lets audio flow: nothing, a notice, a notice and staying, or an explicit yes."""

    NONE = "none"
    NOTICE = "notice"
    IMPLIED_AFTER_NOTICE = "impliedAfterNotice"
    EXPLICIT = "explicit"


class Parties(enum.Enum):
    """Whose answer is needed.

    ALL needs a participant list that is known to be complete, or an answer for the whole call;
    KNOWN trusts the list as events gave it; EXTERNAL is everyone outside the internal groups.
    """

    ALL = "all"
    KNOWN = "known"
    EXTERNAL = "external"


class Satisfaction(enum.Enum):
    """What counts as an answer: one given in this call, or one on file from before."""

    LIVE = "live"
    PRIOR_ON_FILE = "priorOnFile"


class BeforeDecision(enum.Enum):
    """What happens until everybody has answered."""

    PAUSED = "paused"
    NOT_STARTED = "notStarted"


class Refusal(enum.Enum):
    """What a refusal, or no answer, leads to."""

    END_CALL = "endCall"
    STOP_AND_DELETE = "stopAndDelete"
    CONTINUE_UNRECORDED = "continueUnrecorded"


class LateJoin(enum.Enum):
    """What happens when somebody joins a call that is being recorded."""

    PAUSE_UNTIL_DECIDED = "pauseUntilDecided"
    NOTICE_ONLY = "noticeOnly"


class WithdrawnLive(enum.Enum):
    """What a withdrawal does to a recording that runs."""

    STOP = "stop"
    END_CALL = "endCall"


class WithdrawnKept(enum.Enum):
    """What a withdrawal does to what is kept already."""

    REQUEST_ERASURE = "requestErasure"
    KEEP = "keep"


class AskedBy(enum.Enum):
    """Who asks the participants."""

    APPLICATION = "application"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How participants are asked.

    With DAEMON, `prompts` holds an audio file by language; the language of a call is its tag
    `language_tag`, else `default_language`. `accept` and `reject` are what a participant presses.
    """

    by: AskedBy
    prompts: Mapping[str, str] = field(default_factory=dict)
    language_tag: str | None = None
    default_language: str | None = None
    accept: str | None = None
    reject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentSpec:
    """What one rule says; None is no opinion.

    `parties` is a tuple of selectors where only some are asked. `no_response` None is the same as
    `denied`. `evidence_keep` is how long the proof of answers outlives the recording.
    """

    mode: ConsentMode
    parties: Parties | tuple[Selector, ...] | None = None
    satisfied_by: frozenset[Satisfaction] | None = None
    before_decision: BeforeDecision | None = None
    timeout: Duration | None = None
    ask: Ask | None = None
    denied: Refusal | None = None
    no_response: Refusal | None = None
    late_join: LateJoin | None = None
    withdrawn_live: WithdrawnLive | None = None
    withdrawn_kept: WithdrawnKept | None = None
    evidence_keep: Duration | Forever | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRule:
    """One rule about which calls need whose consent, for one purpose."""

    name: RuleName
    source: Source
    match: Condition
    spec: ConsentSpec
    purpose: str = "recording"
    description: str | None = None
    is_observed: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentNeed:
    """What a call needs, from every rule that counts for it: complete, the strictest of each field.

    `parties` None asks only those who fit `selectors`; otherwise they are asked too. `trusts_list`
    says that the list of participants suffices as events gave it. `rules` names where it comes
    from, sorted and never empty.
    """

    mode: ConsentMode
    parties: Parties | None
    selectors: tuple[Selector, ...]
    trusts_list: bool
    satisfied_by: frozenset[Satisfaction]
    before_decision: BeforeDecision
    timeout: Duration
    asks: tuple[Ask, ...]
    denied: Refusal
    no_response: Refusal
    late_join: LateJoin
    withdrawn_live: WithdrawnLive
    withdrawn_kept: WithdrawnKept
    evidence_keep: Duration | Forever
    rules: tuple[RuleName, ...]

"""One call in an ideal world: every effect succeeds at once, and nothing is late or lost.

Called by `planning.policy_tests`, by `planning.replay`, and by everything that needs to know what
policies mean for a call without a service. Events are folded and plans are made by the functions
that the daemon runs; here is only the world around them. Knows no policy's words: what a call looks
like after each happening is a `Snapshot` for others to judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from recordingd.domain.calls import CallEvent
from recordingd.domain.errors import InvariantBroken
from recordingd.domain.policies import StoreName
from recordingd.domain.policy_tests import ExpectedCapture
from recordingd.domain.recordings import CallFacts, Recording, RecordingId
from recordingd.planning.advance import Advance, advance
from recordingd.planning.capture import OBSERVE_EVERY
from recordingd.planning.context import ContainerStore, PlanningContext
from recordingd.planning.derivation import DerivedRecording, derive
from recordingd.planning.facts import Reading, fold
from recordingd.planning.ideal import IdealService, read_back
from recordingd.planning.matching import Verdict
from recordingd.planning.planner import plan_call
from recordingd.planning.rows import with_recording
from recordingd.planning.transitions import Supplies
from recordingd.planning.wishes import judge

# An effect may bring on another one at the same moment, and each of them answers one more question;
# more turns than that mean that two of them undo each other.
TURNS_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What becomes known at one moment, all of it together; without events only time passes."""

    at: datetime
    events: tuple[CallEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question to the planner: the facts it was asked about, and what it answered."""

    at: datetime
    facts: CallFacts
    done: Advance


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A call at rest after a happening.

    `turns` are all since the snapshot before, in order. `flowed` is for how long audio of each
    recording has flowed so far; one that captured nothing is not in it.
    """

    at: datetime
    facts: CallFacts
    verdict: Verdict
    turns: tuple[Turn, ...]
    flowed: Mapping[RecordingId, timedelta]

    @property
    def recording(self) -> Recording | None:
        """The open recording, else the last one; None when none was ever wanted."""
        recordings = self.facts.recordings
        return self.facts.open_recording or (recordings[-1] if recordings else None)

    @property
    def capture(self) -> ExpectedCapture:
        """What the recording does; one whose start was never sent is none."""
        recording = self.recording
        if recording is None or recording.first_sent_at is None:
            return ExpectedCapture.NONE
        if not recording.is_open:
            return ExpectedCapture.STOPPED
        is_active = recording.active_since is not None
        return ExpectedCapture.ACTIVE if is_active else ExpectedCapture.PAUSED

    @property
    def pauses(self) -> frozenset[str]:
        """The names of the reasons for which the recording is silent."""
        recording = self.recording
        reasons = () if recording is None else self.facts.open_pauses(recording.id)
        return frozenset(reason.value for reason in reasons)

    @property
    def dates(self) -> DerivedRecording | None:
        """How long the recording is kept, as far as that is known yet."""
        recording = self.recording
        return None if recording is None else derive(self.facts).recordings[recording.id]


def rehearse(
    facts: CallFacts, happenings: Iterable[Happening], context: PlanningContext
) -> Iterator[Snapshot]:
    """Play happenings, which are in the order of time, and yield the call after each of them.

    Between two of them the planner is asked whenever it wants to be. When a recording ends one file
    of it is announced at once, so that every date is known. Every container that a policy names
    counts as a store. The same input gives the same snapshots.
    """
    stage = _Stage(facts=facts, context=_with_every_container(context))
    for happening in happenings:
        yield stage.play(happening)


def _with_every_container(context: PlanningContext) -> PlanningContext:
    """Make a store of each container that a policy writes to by its URL.

    What is verified in such a container is the settings' affair and no policy's.
    """
    known = {store.url for store in context.containers.values()}
    records = (policy.record for policy in context.policies.policies.policies)
    urls = {r.container for r in records if r is not None and r.container is not None} - known
    if not urls:
        return context
    named = {StoreName(url): ContainerStore(url=url) for url in sorted(urls)}
    return replace(context, containers={**context.containers, **named})


def _supplies() -> Supplies:
    """Give ids to values that nobody will ever store."""
    ids = itertools.count(1)
    return Supplies(
        new_id=lambda: f"rehearsed-{next(ids)}",
        new_request_id=lambda: "00000000-0000-4000-8000-000000000000",
        token_of=lambda recording: f"token-of-{recording}",
    )


@dataclass(slots=True, kw_only=True)
class _Stage:
    """The world of one rehearsal; `wake_at` is when the planner wants to be asked again."""

    facts: CallFacts
    context: PlanningContext
    wake_at: datetime | None = None
    service: IdealService = field(default_factory=IdealService)
    turns: list[Turn] = field(default_factory=list)
    supplies: Supplies = field(default_factory=_supplies)

    def play(self, happening: Happening) -> Snapshot:
        self.turns = []
        now = happening.at
        self._pass_time(now)
        for event in happening.events:
            self.facts = fold(self.facts, event, self._reading(now))
        self._settle(now)
        verdict, _ = judge(self.facts, self.context, now)
        return Snapshot(
            at=now,
            facts=self.facts,
            verdict=verdict,
            turns=tuple(self.turns),
            flowed=self.service.flowed(now),
        )

    def _reading(self, now: datetime) -> Reading:
        return Reading(
            received_at=now,
            new_id=self.supplies.new_id,
            service_retention=self.context.service_retention,
            tag_headers={},
        )

    def _pass_time(self, until: datetime) -> None:
        """Ask the planner whenever it wants to be asked before a moment."""
        while self.wake_at is not None and self.wake_at < until:
            now = self.wake_at
            self._settle(now)
            self._skip_reading_back(now, until)

    def _settle(self, now: datetime) -> None:
        """Ask the planner, and do what it says, until nothing more is to be done at this moment."""
        for _ in range(TURNS_MAX):
            done = advance(self.facts, self.context, self.supplies, busy=frozenset(), now=now)
            self.turns.append(Turn(at=now, facts=self.facts, done=done))
            self.facts, self.wake_at = done.facts, done.wake_at
            if not done.effects:
                return self._check_wake(now)
            for effect in done.effects:
                self.facts = self.service.answer(effect, self.facts, self._reading(now))
        msg = f"the call does not come to rest: {self.turns[-1].done.effects}"
        raise InvariantBroken(msg)

    def _check_wake(self, now: datetime) -> None:
        """Refuse to be asked again at once: time would never pass."""
        if self.wake_at is not None and self.wake_at <= now:
            msg = f"the planner asks for {self.wake_at} at {now}"
            raise InvariantBroken(msg)

    def _skip_reading_back(self, now: datetime, until: datetime) -> None:
        """Pass over the readings that would tell nothing new, however long a call lasts.

        A recording that is known to do what was asked is read back every half a minute; the planner
        says itself what else it waits for.
        """
        recording = self.facts.open_recording
        is_confirmed = self.wake_at is not None and self.wake_at - now == OBSERVE_EVERY
        if recording is None or not is_confirmed:
            return
        ahead = with_recording(self.facts, replace(recording, observed_at=until))
        other = plan_call(ahead, self.context, now).wake_at
        read_at = min(until, other or until) - OBSERVE_EVERY
        if read_at > now:
            self.facts = read_back(self.facts, recording.id, read_at)
            self.wake_at = read_at + OBSERVE_EVERY

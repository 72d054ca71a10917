"""What the daemon would do under a set of policies: every line of a plan, from the ledger as it is.

Called by `plan`, which prints it, and by `apply`, which compares it with what was approved. Reads
only; what each call would see done is `planning.forecast`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from recordingd.config.policy_files import load_texts
from recordingd.config.settings import Settings
from recordingd.domain.calls import CallId
from recordingd.domain.errors import ConfigurationError
from recordingd.domain.policies import PolicySet
from recordingd.domain.recordings import CallFacts
from recordingd.domain.retention import MovedItems
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import RecordingState, derive
from recordingd.planning.forecast import UNAPPROVED, PlanLine, plan_lines
from recordingd.planning.keeping_words import says_nothing_new
from recordingd.planning.matching import compile_policies
from recordingd.planning.policy_lines import kept_lines, policy_lines
from recordingd.planning.rendering import PrintedPlan
from recordingd.ports.ledger import Ledger, PolicyRevision, RecordingFilter
from recordingd.runtime.circumstances import planning_context, read_circumstances
from recordingd.runtime.moves import find_too_many, limits_of
from recordingd.runtime.shortening import find_refusal, says_the_same, shortened

PAGE = 1000
# So many kept recordings are read in a second or two, and what a floor keeps is then shown as well.
FEW = 2000
_KEPT = frozenset({RecordingState.KEPT.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What a look ahead is made of: the ledger, and the policies it is held against.

    `seen` is called with each call that was looked at, for whoever shows how far it got. Up to
    `few` kept recordings are read in any case.
    """

    ledger: Ledger
    settings: Settings
    policies: PolicySet
    now: datetime
    horizon: datetime
    seen: Callable[[CallFacts], None] = lambda _: None
    few: int = FEW

    def plan(self) -> PrintedPlan:
        """Look at every call in which anything can happen, and at what is kept if rules ask for it.

        Everything that is kept is read only where a rule may say something new of it, or where it
        is little.
        """
        running = self.ledger.latest_revision()
        before = _policies_of(running)
        context = self._context(running)
        unread = self._count_unread(before)
        lines: list[PlanLine] = []
        moved: list[int] = []
        for facts in self._calls(only_due=unread > 0):
            self.seen(facts)
            unread -= _kept_in(facts) if unread else 0
            of_call = list(plan_lines(facts, context, now=self.now, horizon=self.horizon))
            if any(line.blocked_by == UNAPPROVED for line in of_call):
                moved += shortened([facts], context, self.now)
            lines += of_call
        changed = policy_lines(
            before,
            self.policies,
            revision=0 if running is None else running.revision,
            now=self.now,
            horizon=self.horizon,
        )
        refusal = self._find_refusal(moved, before)
        return PrintedPlan(
            instance=self.settings.instance,
            at=self.now,
            horizon=self.horizon,
            policy_digest=self.policies.digest,
            purge_generation=self.ledger.purge_generation(),
            lines=(*changed, *kept_lines(lines, self.now, refusal=refusal), *lines),
            unread=unread,
        )

    def _count_unread(self, before: PolicySet | None) -> int:
        """Count what is kept if nobody has to read it; 0 where all of it is to be read."""
        kept = self.ledger.kept_totals().count
        return kept if kept > self.few and self._says_nothing_new(before) else 0

    def _says_nothing_new(self, before: PolicySet | None) -> bool:
        """Whether the policies leave everything that is kept as the daemon left it."""
        since = self.ledger.kept_reading()
        if since is None:
            # No daemon has come to read it all; what is there was made under what is in force.
            return before is not None and says_the_same(self.policies, before)
        ceiling = self.settings.ceiling
        return says_nothing_new(self.policies, ceiling, since=since, now=self.now)

    def _find_refusal(self, moved: list[int], before: PolicySet | None) -> str | None:
        """Say why a reload would refuse the policies for what they let go, if it would."""
        if not moved or before is None or says_the_same(self.policies, before):
            return None
        items = MovedItems(count=len(moved), size_bytes=sum(moved))
        return find_refusal(items, self.ledger.kept_totals(), self.settings)

    def _context(self, running: PolicyRevision | None) -> PlanningContext:
        """Return what the daemon would decide under, had it taken the policies into force."""
        revision = 0 if running is None else running.revision
        if running is None or running.digest != self.policies.digest:
            revision += 1
        circumstances = read_circumstances(self.ledger, self.policies, self.settings, now=self.now)
        context = planning_context(
            self.settings,
            compile_policies(self.policies),
            revision,
            circumstances=circumstances,
            now=self.now,
        )
        limits = limits_of(self.settings)
        return replace(
            context,
            moves_counted_at=self.now,
            too_many_moved=find_too_many(self.ledger, limits, self.now),
        )

    def _calls(self, *, only_due: bool) -> Iterator[CallFacts]:
        """Yield the calls that are open or fall due, then all others that keep something."""
        looked_at: set[CallId] = set()
        after: CallId | None = None
        while page := self.ledger.calls_needing_attention(
            due_by=self.horizon, after=after, limit=PAGE
        ):
            for call_id in page:
                facts = self.ledger.load(call_id)
                assert facts is not None, "a listed call is there"
                looked_at.add(call_id)
                yield facts
            after = page[-1]
        if only_due:
            return
        cursor: str | None = None
        while kept := self.ledger.list_calls(
            RecordingFilter(states=_KEPT, cursor=cursor, limit=PAGE)
        ):
            yield from (facts for facts in kept if facts.call.call_id not in looked_at)
            cursor = kept[-1].call.call_id


def _kept_in(facts: CallFacts) -> int:
    states = (recording.state for recording in derive(facts).recordings.values())
    return sum(state is RecordingState.KEPT for state in states)


def _policies_of(running: PolicyRevision | None) -> PolicySet | None:
    """Return the set in force; None where there is none, or this version reads it no more."""
    with suppress(ConfigurationError):
        return None if running is None else load_texts(running.texts)
    return None

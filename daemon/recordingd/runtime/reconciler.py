"""The loop: committed events become facts, facts become plans, plans become effects.

Built by `runtime.assembly`, run by `runtime.service`, driven step by step by tests. Every step of a
call is one ledger transaction (`runtime.steps`); only what was committed is carried out, and an
event causes an effect in no other way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from recordingd.domain.calls import CallEvent, CallId
from recordingd.domain.errors import LedgerFault, StaleSnapshot
from recordingd.domain.plans import Alarm, Effect, Mode, target_of
from recordingd.domain.recordings import CallFacts
from recordingd.planning.context import PlanningContext
from recordingd.planning.derivation import derive
from recordingd.planning.facts import Reading
from recordingd.planning.guards import blocked_by
from recordingd.planning.steps import earliest
from recordingd.planning.transitions import Supplies
from recordingd.ports.clock import Clock
from recordingd.ports.ledger import Ledger, LedgerRunner
from recordingd.runtime.inbox import DRAIN_MAX, understand
from recordingd.runtime.steps import Cycle, Incoming, Outgoing, Stepped, step_call

_LOG = logging.getLogger("recordingd.loop")
# How often in a row a step may fail with its events before each of them is tried by itself.
FAILED_STEPS_MAX = 5
# Calls stepped per turn: however many are due at once, events are read again soon.
TURN_MAX = 500
# How long a call whose step failed is left alone.
FAILED_STEP_WAIT = timedelta(seconds=5)
# How many withheld effects are remembered, so that each is told once.
WITHHELD_MAX = 10_000
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Dates nearer than this are kept in memory: more than the time between two sweeps for due calls.
KEPT_IN_MEMORY_FOR = timedelta(minutes=5)
# How long an outcome that the ledger did not take is held back before it is offered again.
REPORT_AGAIN_AFTER = timedelta(seconds=1)
# The loop turns at least this often, so that a liveness check can tell it from a stuck one.
TURN_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the loop is put together from; `dispatch` hands an effect to the executor.

    `context` gives the policies and limits in force now; `alarm` takes what a plan found worth
    telling a person; `busy` are the targets with an effect under way, `release` frees one whose
    outcome is stored. `noticed` hears of every event that was understood and when it came,
    `poisoned` of those that were not, `stepped` of every step that was stored.
    """

    ledger: LedgerRunner
    clock: Clock
    supplies: Supplies
    context: Callable[[], PlanningContext]
    tag_headers: Mapping[str, str]
    service_retention: timedelta
    dispatch: Callable[[Effect, CallFacts], None]
    busy: Callable[[], frozenset[str]]
    release: Callable[[str], None]
    alarm: Callable[[Alarm], None]
    noticed: Callable[[CallEvent, datetime], None]
    stepped: Callable[[Stepped], None]
    poisoned: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How often in a row a call failed with its events, on what, and when they are tried again."""

    count: int
    reason: str
    again_at: datetime


@dataclass(slots=True)
class Reconciler:
    """Advances calls; one instance per daemon, used from one event loop.

    `timers` holds for each call that is being watched when it has to be planned again.
    """

    around: Surroundings
    timers: dict[CallId, datetime] = field(default_factory=dict)
    _dirty: set[CallId] = field(default_factory=set)
    _locks: dict[CallId, tuple[asyncio.Lock, int]] = field(default_factory=dict)
    _failures: dict[CallId, Failures] = field(default_factory=dict)
    _withheld: set[tuple[str, str]] = field(default_factory=set)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _sleeps_until: datetime | None = None

    def wake(self) -> None:
        """Let the loop turn soon; idempotent, and it causes nothing else."""
        self._woken.set()

    def touch(self, call_id: CallId) -> None:
        """Have a call planned in the next turn."""
        self._dirty.add(call_id)
        self._woken.set()

    def touch_all(self) -> None:
        """Have every watched call planned in the next turn, after what decides has changed."""
        self._dirty.update(self.timers)
        self._woken.set()

    async def run_once(self) -> datetime | None:
        """Apply what was received, advance every call that is due; return when the next one is."""
        self._woken.clear()
        await self._drain()
        now = self.around.clock.now_utc()
        async with asyncio.TaskGroup() as group:
            for call_id in self._take_due(now):
                group.create_task(self.step(call_id))
        return earliest(*self.timers.values())

    def _take_due(self, now: datetime) -> list[CallId]:
        """Return the calls of this turn, those that became due last first.

        Where very many are due, as purges after a long time may be, they are no live calls: a pause
        that has to be confirmed must not wait behind them.
        """
        due = {c for c, at in self.timers.items() if at <= now} | self._dirty
        first = sorted(due, key=lambda c: (self.timers.get(c, now), c), reverse=True)[:TURN_MAX]
        self._dirty.difference_update(first)
        return first

    async def sleep(self, until: datetime | None) -> None:
        """Wait until a moment, until woken, or for one idle turn, whichever comes first."""
        now = self.around.clock.now_utc()
        latest = now + TURN_EVERY
        until = min(until or latest, latest)
        seconds = (until - now).total_seconds()
        if self._dirty or seconds <= 0:
            return
        self._sleeps_until = until
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._sleeps_until = None

    def _plan_at(self, call_id: CallId, moment: datetime) -> None:
        """Have a call planned at a moment, waking a loop that would sleep past it.

        Outcomes of effects are stored while the loop sleeps, and a second try may be due long
        before it would turn by itself.
        """
        self.timers[call_id] = moment
        if self._sleeps_until is not None and moment < self._sleeps_until:
            self._woken.set()

    async def step(
        self,
        call_id: CallId,
        *,
        incoming: tuple[Incoming, ...] = (),
        outgoing: Outgoing | None = None,
    ) -> bool:
        """Take a call one step further and carry out what follows; False when it has to wait.

        A step that fails leaves nothing behind: its events stay pending and the call is tried
        again. The failure of one call is never the failure of another.
        """
        async with self._alone(call_id):
            cycle = self._cycle()
            done = target_of(outgoing.effect) if outgoing is not None else None
            busy = self.around.busy() - {done}

            def job(ledger: Ledger) -> Stepped:
                return step_call(
                    ledger, call_id, cycle, busy=busy, incoming=incoming, outgoing=outgoing
                )

            stepped = await self._run(call_id, job, cycle.now, has_events=bool(incoming))
            if stepped is None:
                return False
            if incoming:
                self._failures.pop(call_id, None)
            if done is not None:
                # Freed and given out again without a pause in between, so that no other step of
                # the call can plan the same effect.
                self.around.release(done)
            self._settle(call_id, stepped)
            return True

    async def report(self, outgoing: Outgoing) -> None:
        """Store how an effect ended, however long the ledger takes."""
        while True:
            if await self.step(outgoing.effect.call_id, outgoing=outgoing):
                return
            await self.around.clock.sleep_until(self.around.clock.now_utc() + REPORT_AGAIN_AFTER)

    async def _run(
        self, call_id: CallId, job: Callable[[Ledger], Stepped], now: datetime, *, has_events: bool
    ) -> Stepped | None:
        """Run a step's job; None when it failed, and then the call is planned again later."""
        try:
            return await self.around.ledger.run(job)
        except StaleSnapshot:
            self.touch(call_id)
        except LedgerFault as fault:
            _LOG.error("the ledger refused a step of %s: %s", call_id, fault)
            self._plan_at(call_id, now + FAILED_STEP_WAIT)
        except Exception as error:  # noqa: BLE001 - see below
            # The one place where a call's failure ends: it is told, and every other call goes on.
            _LOG.exception("a step of %s failed", call_id)
            if has_events:
                known = self._failures.get(call_id)
                self._failures[call_id] = Failures(
                    count=known.count + 1 if known is not None else 1,
                    reason=type(error).__name__,
                    again_at=now + FAILED_STEP_WAIT,
                )
            self.around.alarm(Alarm.of("LoopStalled", call=call_id))
            self._plan_at(call_id, now + FAILED_STEP_WAIT)
        return None

    @asynccontextmanager
    async def _alone(self, call_id: CallId) -> AsyncIterator[None]:
        """Let one step of a call run at a time: the next one must see what this one began."""
        lock, waiting = self._locks.get(call_id, (asyncio.Lock(), 0))
        self._locks[call_id] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._locks.pop(call_id)
            if waiting > 1:
                self._locks[call_id] = (lock, waiting - 1)

    async def watch_open_calls(self) -> int:
        """Find calls that need a look and are not watched, in pages; return how many were found."""
        found, after = 0, None
        while page := await self._page(after):
            for call_id in page:
                if call_id not in self.timers:
                    self.timers[call_id] = self.around.clock.now_utc()
                    found += 1
            after = page[-1]
        if found:
            self.wake()
        return found

    async def _page(self, after: CallId | None) -> list[CallId]:
        # Where nothing may be purged, what is due stays due for ever and need not be found.
        context = self.around.context()
        is_purging = context.mode is Mode.ENFORCE and not context.is_deleting_suspended
        due_by = self.around.clock.now_utc() if is_purging else LONG_AGO
        return list(
            await self.around.ledger.run(
                lambda rows: rows.calls_needing_attention(due_by=due_by, after=after, limit=1000)
            )
        )

    def _cycle(self) -> Cycle:
        return Cycle(
            now=self.around.clock.now_utc(),
            context=self.around.context(),
            supplies=self.around.supplies,
        )

    def _settle(self, call_id: CallId, stepped: Stepped) -> None:
        self.timers.pop(call_id, None)
        if stepped.reopened:
            self.wake()
        if stepped.facts is None or stepped.advance is None:
            return
        done = stepped.advance
        if done.wake_at is not None and self._is_watched(stepped.facts, done.wake_at):
            self._plan_at(call_id, done.wake_at)
        self.around.stepped(stepped)
        for alarm in (*stepped.alarms, *done.alarms):
            self.around.alarm(alarm)
        for effect in done.effects:
            self.around.dispatch(effect, stepped.facts)
        for effect in done.withheld:
            self._say_withheld(effect, stepped.facts)

    def _is_watched(self, facts: CallFacts, wake_at: datetime) -> bool:
        """Whether a call's next date is kept in memory.

        A call at rest may wait for years; a sweep finds it again by its date in the ledger.
        """
        is_soon = wake_at - self.around.clock.now_utc() < KEPT_IN_MEMORY_FOR
        return is_soon or derive(facts).needs_attention

    def _say_withheld(self, effect: Effect, facts: CallFacts) -> None:
        """Say once what is kept from running, and by what."""
        said = (target_of(effect), type(effect).__name__)
        if len(self._withheld) > WITHHELD_MAX:
            self._withheld.clear()
        if said not in self._withheld:
            self._withheld.add(said)
            now = self.around.clock.now_utc()
            reason = blocked_by(effect, facts, self.around.context(), now)
            _LOG.info("withheld by %s: %s of %s: %s", reason, said[1], said[0], effect.why.text)

    # --- events -----------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Read a batch of pending events and fold them into their calls, one step per call."""
        now = self.around.clock.now_utc()
        understood = await self.around.ledger.run(
            lambda ledger: understand(ledger, self._reading, now)
        )
        for event, received_at in understood.events:
            self.around.noticed(event, received_at)
        for reason in understood.poison:
            self.around.poisoned(reason)
        async with asyncio.TaskGroup() as group:
            folds = [
                group.create_task(self._fold(call_id, tuple(incoming)))
                for call_id, incoming in understood.by_call.items()
            ]
        got_on = not folds or any(fold.result() for fold in folds)
        if understood.rows >= DRAIN_MAX and got_on:
            # There may be more; a batch that failed is tried again at the loop's own pace.
            self._woken.set()

    async def _fold(self, call_id: CallId, incoming: tuple[Incoming, ...]) -> bool:
        """Step a call with its events; False when all of them are left for later.

        Events that fail it again and again would be read for ever, and at last stand before every
        other call's: they are put away as poison, each only where it fails the call by itself.
        """
        failures = self._failures.get(call_id)
        if failures is not None and self.around.clock.now_utc() < failures.again_at:
            return False
        if await self.step(call_id, incoming=incoming):
            return True
        failures = self._failures.get(call_id)
        if failures is None or failures.count < FAILED_STEPS_MAX:
            return False
        for item in incoming:
            self._failures.pop(call_id, None)
            await self.step(call_id, incoming=(item,))
            if (failed := self._failures.pop(call_id, None)) is not None:
                await self._put_away(item, failed.reason)
        return True

    async def _put_away(self, item: Incoming, reason: str) -> None:
        now = self.around.clock.now_utc()
        try:
            await self.around.ledger.run(
                lambda ledger: ledger.mark_poison(item.seq, error=reason, at=now)
            )
        except LedgerFault as fault:
            _LOG.error("the ledger refused to put an event away: %s", fault)
            return
        self.around.poisoned(reason)

    def _reading(self, received_at: datetime) -> Reading:
        return Reading(
            received_at=received_at,
            new_id=self.around.supplies.new_id,
            service_retention=self.around.service_retention,
            tag_headers=self.around.tag_headers,
        )

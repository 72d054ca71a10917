"""The calls of the emulated service: who talks to whom, since when, and until when.

The control surface and scenarios change calls here; ``recorder`` looks them up. Ending a call
ends its recordings through the hook that ``app`` wires. It knows no HTTP.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.identifiers import (
    new_server_call_id,
    normal_raw_id,
)
from recordingd.emulator.media import derived_hz
from recordingd.emulator.state import Call, CallState, Participant, Span

_LOG = logging.getLogger(__name__)
OUTBOUND = frozenset({"outbound", "outgoing"})


class UnknownCallError(LookupError):
    """No such call, or no such participant in it; the message says which."""


class CallConflictError(ValueError):
    """The change does not fit the call's state; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySpec:
    """A participant to add; `hz` None derives the tone from the id.

    `speech` holds spans in seconds after joining, None for a party that sounds all the time.
    """

    raw_id: str
    display_name: str = ""
    role: str = ""
    hz: int | None = None
    speech: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpec:
    """A call to create; None means that the emulator chooses, or that there is none."""

    server_call_id: str | None = None
    caller: str | None = None
    callee: str | None = None
    group: str | None = None
    room: str | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    direction: str = "inbound"
    callback_uri: str | None = None
    participants: tuple[PartySpec, ...] = ()
    established_after_seconds: float = 0.0
    is_announced: bool = True


def _nothing(call: Call) -> None:
    """Follow no call's end."""


@dataclass(slots=True, kw_only=True)
class Calls:
    """Every call so far; ended ones stay known, as the service tells them from unknown ones."""

    clock: EmulatorClock
    ids: Ids
    announcer: Announcer
    resource_id: str
    on_ended: Callable[[Call], None] = _nothing
    by_id: dict[str, Call] = field(default_factory=dict)
    _by_group: dict[str, Call] = field(default_factory=dict)
    _by_connection: dict[str, Call] = field(default_factory=dict)

    def create(self, spec: CallSpec) -> Call:
        """Create a call, announce it, and connect it at once or after the given wait.

        Raises `CallConflictError` when the id is taken.
        """
        self.clock.run_due()
        now = self.clock.now()
        server_call_id = spec.server_call_id or new_server_call_id(self.ids, now)
        if server_call_id in self.by_id:
            msg = "serverCallId: a call with this id exists"
            raise CallConflictError(msg)
        call = Call(
            server_call_id=server_call_id,
            correlation_id=self.ids.guid(),
            call_connection_id=self.ids.guid(),
            created_at=now,
            started_by=self._starter(spec),
            caller=normal_raw_id(spec.caller) if spec.caller else None,
            callee=normal_raw_id(spec.callee) if spec.callee else None,
            group=spec.group,
            room=spec.room,
            context=dict(spec.context),
            direction=spec.direction,
            callback_uri=spec.callback_uri,
            is_announced=spec.is_announced,
        )
        self.by_id[server_call_id] = call
        _LOG.info("call %s: created", call.correlation_id)
        self._by_connection[call.call_connection_id] = call
        if call.group is not None:
            self._by_group[call.group] = call
        self._announce_incoming(call)
        if spec.established_after_seconds > 0:
            wait = spec.established_after_seconds
            self.clock.call_after(wait, lambda: self._connect(call, spec.participants))
        else:
            self._connect(call, spec.participants)
        return call

    def join(self, server_call_id: str, spec: PartySpec) -> Participant:
        """Add a participant, or let one who left come back.

        Raises `UnknownCallError`, and `CallConflictError` when the call is over or the party in.
        """
        self.clock.run_due()
        call = self._living(server_call_id)
        known = call.participants.get(spec.raw_id)
        if known is not None and known.is_present:
            msg = "id: the participant is in the call"
            raise CallConflictError(msg)
        party = self._enter(call, spec)
        if call.state is CallState.CONNECTED and call.is_announced:
            self.announcer.participant_added(call, party)
            self.announcer.participants_updated(call)
        return party

    def leave(self, server_call_id: str, raw_id: str) -> None:
        """Take a participant out; the call goes on, even empty, until it is ended.

        Raises `UnknownCallError` when there is no such call or party in it.
        """
        self.clock.run_due()
        call = self._living(server_call_id)
        party = call.participants.get(normal_raw_id(raw_id))
        if party is None or not party.is_present:
            msg = "no such participant in the call"
            raise UnknownCallError(msg)
        self._exit(party)
        if call.is_announced:
            self.announcer.participant_removed(call, party)
            self.announcer.participants_updated(call)

    def end(self, server_call_id: str) -> None:
        """End a call: everybody leaves, its recordings end. Ending it again changes nothing."""
        self.clock.run_due()
        call = self.get(server_call_id)
        if call.state is CallState.ENDED:
            return
        now = self.clock.now()
        _LOG.info("call %s: ended", call.correlation_id)
        present = call.present()
        # Recordings end first: they capture until the last moment of the call.
        call.state = CallState.ENDED
        call.ended_at = now
        for party in present:
            self._exit(party)
        self.on_ended(call)
        if call.is_announced:
            for party in present:
                self.announcer.participant_removed(call, party)
            self.announcer.call_ended(call, now - call.created_at)

    def get(self, server_call_id: str) -> Call:
        """Return the call; raises `UnknownCallError`."""
        call = self.by_id.get(server_call_id)
        if call is None:
            msg = "no such call"
            raise UnknownCallError(msg)
        return call

    def locate(
        self, server_call_id: str | None, group: str | None, connection_id: str | None
    ) -> Call | None:
        """Return the call that the given one of three locators names, or None."""
        if server_call_id is not None:
            return self.by_id.get(server_call_id)
        if group is not None:
            return self._by_group.get(group)
        return self._by_connection.get(connection_id or "")

    def _living(self, server_call_id: str) -> Call:
        call = self.get(server_call_id)
        if call.state is CallState.ENDED:
            msg = "the call has ended"
            raise CallConflictError(msg)
        return call

    def _starter(self, spec: CallSpec) -> str:
        if spec.caller:
            return normal_raw_id(spec.caller)
        if spec.participants:
            return spec.participants[0].raw_id
        return f"8:acs:{self.resource_id}_{self.ids.guid()}"

    def _announce_incoming(self, call: Call) -> None:
        # A call that our side places rings elsewhere; only inbound ones are offered to us.
        if call.callee is not None and call.direction not in OUTBOUND and call.is_announced:
            self.announcer.incoming_call(call)

    def _connect(self, call: Call, parties: tuple[PartySpec, ...]) -> None:
        if call.state is not CallState.CONNECTING:
            return
        call.state = CallState.CONNECTED
        entered = [self._enter(call, spec) for spec in parties]
        if not call.is_announced:
            return
        self.announcer.call_started(call)
        for party in entered:
            self.announcer.participant_added(call, party)
        self.announcer.participants_updated(call)

    def _enter(self, call: Call, spec: PartySpec) -> Participant:
        now = self.clock.now()
        party = call.participants.get(spec.raw_id)
        if party is None:
            taken = frozenset(other.hz for other in call.participants.values())
            party = Participant(
                raw_id=spec.raw_id,
                participant_id=self.ids.guid(),
                hz=spec.hz if spec.hz is not None else derived_hz(spec.raw_id, taken),
                display_name=spec.display_name,
                role=spec.role,
                joined_at=now,
                speech=spec.speech,
            )
            call.participants[spec.raw_id] = party
        party.is_present = True
        party.presence.open(now)
        return party

    def _exit(self, party: Participant) -> None:
        party.is_present = False
        party.presence.close(self.clock.now())

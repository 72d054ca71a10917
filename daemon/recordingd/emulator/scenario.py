"""Play a scenario file: calls, joins, leaves, faults at given seconds, with who speaks when.

A scenario is a JSON object ``{"steps": [...]}``, read when the emulator starts and played from
the moment it is ready. Every step has ``at`` (seconds after the start, on the emulator's clock,
divided by its speed) and one action:

- ``{"at": 0, "call": {...}, "as": "first"}`` creates a call; the object has the fields of
  ``POST /calls``. ``as`` names the call for later steps; its serverCallId works as well.
- ``{"at": 2, "join": {"call": "first", "id": "8:acs:agent-7", "hz": 440,
  "speech": [[0, 1.5], [3, 4]]}}`` adds a participant (fields of ``POST …/participants``).
- ``{"at": 9, "leave": {"call": "first", "id": "8:acs:agent-7"}}`` takes it out.
- ``{"at": 10, "end": {"call": "first"}}`` ends the call.
- ``{"at": 0, "fault": {"name": "download.truncate", "count": 2}}`` arms a fault (``POST /faults``).
- ``{"at": 12, "replay": {"type": "CallEnded", "count": 1}}`` sends past events again.
- ``{"at": 14, "advance": {"seconds": 3600}}`` sends the clock ahead.

``speech`` holds [from, to] in seconds after the participant joins; the tone sounds only there,
and without it always. Steps of the same second run in the order of the file. ``app`` calls this
module; a file that does not fit stops the start with a message naming step and field.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.calls import CallConflictError, Calls, UnknownCallError
from recordingd.emulator.clock import EmulatorClock
from recordingd.emulator.faults import CATALOGUE, Faults, UnknownFaultError
from recordingd.emulator.inputs import InputError, number, only, read_call, read_party, text

_LOG = logging.getLogger(__name__)
_ACTIONS = frozenset({"call", "join", "leave", "end", "fault", "replay", "advance"})


class ScenarioError(ValueError):
    """The file is no scenario; the message names the step and the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One timed action; `label` is the name that ``as`` gives to a call."""

    number: int
    at: float
    action: str
    body: Mapping[str, object]
    label: str | None


def read_scenario(path: Path) -> list[Step]:
    """Return the steps of the file in the order of their times; raises `ScenarioError`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path}: {error}"
        raise ScenarioError(msg) from error
    steps = document.get("steps") if isinstance(document, dict) else document
    if not isinstance(steps, list):
        msg = f"{path}: steps: must be an array"
        raise ScenarioError(msg)
    read: list[Step] = []
    for index, raw in enumerate(steps):
        try:
            read.append(_read_step(index, raw))
        except InputError as error:
            msg = f"{path}: step {index}: {error}"
            raise ScenarioError(msg) from error
    return sorted(read, key=lambda step: step.at)


def _read_step(index: int, raw: object) -> Step:
    if not isinstance(raw, Mapping):
        msg = "step: must be an object"
        raise InputError(msg)
    only(raw, _ACTIONS | {"at", "as"})
    actions = sorted(_ACTIONS & raw.keys())
    if len(actions) != 1:
        msg = f"step: needs exactly one of {', '.join(sorted(_ACTIONS))}"
        raise InputError(msg)
    body = raw[actions[0]]
    if not isinstance(body, Mapping):
        msg = f"{actions[0]}: must be an object"
        raise InputError(msg)
    step = Step(
        number=index,
        at=number(raw, "at", 0.0),
        action=actions[0],
        body=body,
        label=text(raw, "as"),
    )
    _check(step)
    return step


def _check(step: Step) -> None:
    # Everything that can be wrong without knowing the calls is found before the first step runs.
    match step.action:
        case "call":
            read_call(step.body)
        case "join":
            read_party({key: value for key, value in step.body.items() if key != "call"})
        case "fault" if step.body.get("name") not in CATALOGUE:
            msg = f"fault.name: no such fault: {step.body.get('name')!r}"
            raise InputError(msg)
        case "advance":
            number(step.body, "seconds", 0.0)
        case _:
            pass
    if step.action in {"join", "leave", "end"} and text(step.body, "call") is None:
        msg = f"{step.action}.call: is required"
        raise InputError(msg)


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays the steps of one scenario."""

    clock: EmulatorClock
    calls: Calls
    faults: Faults
    announcer: Announcer
    labels: dict[str, str] = field(default_factory=dict)

    async def play(self, steps: list[Step]) -> None:
        """Run every step at its time; a step that fails is logged and the others go on."""
        origin = self.clock.now()
        for step in steps:
            await self.clock.sleep_until(origin + step.at / self.clock.speed)
            try:
                self._run(step)
            except (UnknownCallError, CallConflictError, InputError, UnknownFaultError) as error:
                _LOG.error("scenario step %d (%s): %s", step.number, step.action, error)

    def _run(self, step: Step) -> None:
        body = step.body
        match step.action:
            case "call":
                call = self.calls.create(read_call(body))
                self.labels[step.label or call.server_call_id] = call.server_call_id
            case "join":
                party = {key: value for key, value in body.items() if key != "call"}
                self.calls.join(self._call(body), read_party(party))
            case "leave":
                self.calls.leave(self._call(body), text(body, "id") or "")
            case "end":
                self.calls.end(self._call(body))
            case "fault":
                self.faults.arm(body)
            case "replay":
                self.announcer.events.replay(text(body, "type"), int(number(body, "count", 1)))
            case "advance":
                self.clock.advance(number(body, "seconds", 0.0))
            case _:
                msg = f"{step.action}: unknown"
                raise InputError(msg)

    def _call(self, body: Mapping[str, object]) -> str:
        name = text(body, "call") or ""
        return self.labels.get(name, name)

"""Put the parts of the emulated service together, without sockets.

``server`` gives it listeners, simulations call its ASGI applications directly with a clock, a
sender and a task owner of their own. Wiring only: what the service does is in the other modules.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence

from recordingd.emulator.announcer import Announcer
from recordingd.emulator.authorities import Authorities
from recordingd.emulator.calls import Calls
from recordingd.emulator.clock import EmulatorClock, Ids
from recordingd.emulator.containers import Exporter
from recordingd.emulator.control import ControlSurface
from recordingd.emulator.courier import Courier, RetryRules, Sender
from recordingd.emulator.directory import Directory
from recordingd.emulator.events import topic
from recordingd.emulator.faults import Faults
from recordingd.emulator.filing import FilingCabinet
from recordingd.emulator.front import Front
from recordingd.emulator.identity import IdentitySurface
from recordingd.emulator.options import EmulatorOptions
from recordingd.emulator.recorder import Recorder
from recordingd.emulator.rest import RestSurface
from recordingd.emulator.scenario import Player, Step
from recordingd.emulator.signing import decode_key
from recordingd.emulator.state import Recording
from recordingd.emulator.storage import StorageSurface
from recordingd.emulator.web import RequestLog
from recordingd.emulator.workshop import Workshop

_EVENT_LIFE_SECONDS = 24 * 3600.0  # default time to live, Event Grid's delivery-and-retry.md
_ACKNOWLEDGED = frozenset({200, 201, 202, 203, 204})
_NO_RETRY = frozenset({400, 401, 403, 413})

Spawn = Callable[[Coroutine[object, object, None]], None]


class Emulator:
    """The emulated service without sockets: two ASGI applications around one state.

    `front` is the service and its storage, `control` the control API. `spawn` starts background
    work and owns it; `bind` must be called before the first request.
    """

    def __init__(
        self,
        options: EmulatorOptions,
        *,
        clock: EmulatorClock,
        workshop: Workshop,
        sender: Sender,
        spawn: Spawn,
        queue_sender: Sender | None = None,
    ) -> None:
        """Wire the parts; nothing runs yet. Without a `queue_sender` events go to no queue."""
        self.options = options
        self.clock = clock
        self._spawn = spawn
        self.ids = Ids(options.seed)
        self.faults = Faults(self.ids)
        drawn = self.ids.guid()
        self.resource_id = options.resource_id or drawn
        self.authorities = self._authorities()
        self.announcer = self._announcer(sender, queue_sender or sender)
        self.calls = Calls(
            clock=clock, ids=self.ids, announcer=self.announcer, resource_id=self.resource_id
        )
        self.recorder = Recorder(
            options=options,
            clock=clock,
            ids=self.ids,
            faults=self.faults,
            announcer=self.announcer,
            calls=self.calls,
            on_ended=self._file,
        )
        self.calls.on_ended = self.recorder.call_ended
        self.filing = FilingCabinet(
            options=options,
            clock=clock,
            ids=self.ids,
            faults=self.faults,
            announcer=self.announcer,
            workshop=workshop,
            resource_id=self.resource_id,
            exporter=Exporter(account_keys=options.account_keys),
        )
        self._build_surfaces()

    def bind(self, *, scheme: str, host: str, port: int) -> None:
        """Tell where the service is reached, for the URLs that it hands out."""
        self.announcer.base_url = f"{scheme}://{host}:{port}"
        self.filing.storage_base = f"{scheme}://{{host}}:{port}"
        self.identity.base_url = self.announcer.base_url
        self.storage.host = host
        self.storage.port = port

    def start(self, steps: Sequence[Step] = ()) -> None:
        """Start delivering and, when given, playing a scenario."""
        self._spawn(self.announcer.events.run())
        self._spawn(self.announcer.callbacks.run())
        self._spawn(self.announcer.queue.run())
        self._spawn(self.announcer.prove_endpoint())
        if steps:
            player = Player(
                clock=self.clock, calls=self.calls, faults=self.faults, announcer=self.announcer
            )
            self._spawn(player.play(list(steps)))

    def _build_surfaces(self) -> None:
        self.identity = IdentitySurface(
            options=self.options, faults=self.faults, directory=self.authorities.directory
        )
        log = RequestLog(entries=deque(maxlen=self.options.request_log_max))
        self.storage = StorageSurface(
            options=self.options,
            clock=self.clock,
            faults=self.faults,
            filing=self.filing,
            authorities=self.authorities,
        )
        rest = RestSurface(
            options=self.options,
            ids=self.ids,
            faults=self.faults,
            recorder=self.recorder,
            filing=self.filing,
        )
        self.front = Front(
            clock=self.clock,
            authorities=self.authorities,
            identity=self.identity,
            rest=rest,
            storage=self.storage,
            announcer=self.announcer,
            log=log,
        )
        self.control = ControlSurface(
            clock=self.clock,
            ids=self.ids,
            faults=self.faults,
            calls=self.calls,
            recorder=self.recorder,
            filing=self.filing,
            announcer=self.announcer,
            authorities=self.authorities,
            identity=self.identity,
            log=log,
        )

    def _file(self, recording: Recording) -> None:
        self._spawn(self.filing.file(recording))

    def _authorities(self) -> Authorities:
        # Tokens have a source of their own, so that signing does not move the other identifiers.
        ids = Ids(self.options.seed)
        return Authorities(
            options=self.options,
            ids=ids,
            faults=self.faults,
            resource_id=self.resource_id,
            keys=[decode_key(self.options.access_key)],
            directory=Directory(options=self.options, ids=ids),
        )

    def _announcer(self, sender: Sender, queue_sender: Sender) -> Announcer:
        options = self.options
        events = self._courier("events", sender, self._event_rules(_NO_RETRY))
        events.batch_max = options.events_batch
        callbacks = self._courier("callbacks", sender, self._callback_rules())
        queue = self._courier("events", queue_sender, self._event_rules(frozenset()))
        # Only a webhook has to prove that it wants to be called.
        callbacks.open.set()
        queue.open.set()
        for courier, tokens in (
            (events, self.authorities.event_tokens()),
            (callbacks, self.authorities.callback_tokens()),
        ):
            courier.authorize = tokens.headers if tokens is not None else None
        return Announcer(
            options=options,
            clock=self.clock,
            ids=self.ids,
            events=events,
            callbacks=callbacks,
            queue=queue,
            topic=topic("emulator", self.ids.guid()),
        )

    def _courier(self, family: str, sender: Sender, rules: RetryRules) -> Courier:
        return Courier(
            family=family,
            rules=rules,
            clock=self.clock,
            faults=self.faults,
            sender=sender,
            open=asyncio.Event(),
        )

    def _event_rules(self, dropped: frozenset[int]) -> RetryRules:
        return RetryRules(
            acknowledged=_ACKNOWLEDGED,
            dropped=dropped,
            waits_seconds=self.options.waits.event_retry_seconds,
            attempts_max=self.options.waits.event_attempts_max,
            life_seconds=_EVENT_LIFE_SECONDS,
        )

    def _callback_rules(self) -> RetryRules:
        # How the service repeats callbacks is not documented: a few tries, then lost.
        waits = self.options.waits.callback_retry_seconds
        return RetryRules(
            acknowledged=_ACKNOWLEDGED,
            dropped=frozenset(),
            waits_seconds=waits,
            attempts_max=len(waits) + 1,
            life_seconds=_EVENT_LIFE_SECONDS,
        )

"""A stage for scenarios: a directory with settings and policies, an emulator, and a daemon.

Made by the fixtures of `conftest`. Speaks to both processes as their users do: the control
interface of the one, HTTP, commands and files of the other. Judges nothing but processes that do
not come up.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tests.scenarios.processes import (
    START_SECONDS,
    Answer,
    Emulator,
    Json,
    Port,
    Program,
    exchange,
    until,
)

from recordingd.cli import main

T = TypeVar("T")

WEBHOOK_KEY = "webhook-key-of-a-scenario"
REPORTER_KEY = "reporter-key-of-a-scenario"
API_KEY = "api-key-of-a-scenario"
CALLER = "+14155550111"
# Generous, since other work may share the machine; nothing that goes well takes this long.
PATIENCE_SECONDS = 25.0
CLOUD_EVENT = "application/cloudevents+json"

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
stateDir: state
mode: {mode}
acs:
  connectionString: {{file: secrets/acs}}
  storageHosts: [127.0.0.1, localhost]
  startWindow: 2s
policies: policies
listen: 127.0.0.1:{port}
publicUrl: http://127.0.0.1:{port}
ingress: {{webhook: {{secrets: [{{file: secrets/webhook}}]}}}}
tags: {{fromContext: {{queue: X-MS-Custom-Queue}}}}
signals: {{reporters: [{{name: ivr, secret: {{file: secrets/reporter}}}}]}}
api: {{tokens: [{{name: ops, secret: {{file: secrets/api}}}}]}}
log: {{format: text}}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON is any value
        return json.loads(self.out)


@dataclass(slots=True, kw_only=True)
class Stage:
    """One emulator and at most one running daemon; a daemon may die and be started again."""

    directory: Path
    emulator: Emulator
    port: Port
    daemon: Program | None = None
    _calls: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # --- the daemon -------------------------------------------------------------------------------

    @property
    def settings(self) -> Path:
        return self.directory / "recordingd.yaml"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def archive(self) -> Path:
        return self.state / "archive"

    @property
    def ledger(self) -> Path:
        return self.state / "ledger.db"

    @property
    def log(self) -> Path:
        return self.directory / "daemon.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port.number}"

    def start(self) -> None:
        """Start the daemon and wait until its loop turns."""
        daemon = self.launch()

        def is_live() -> bool:
            assert daemon.is_running, f"the daemon ended:\n{self.log.read_text()}"
            with contextlib.suppress(OSError):
                return self.get("/livez").status == 200
            return False

        self.until(is_live, "the daemon is live", seconds=START_SECONDS)

    def launch(self, *arguments: str) -> Program:
        """Start the daemon and do not wait for it."""
        assert self.daemon is None or not self.daemon.is_running
        self.daemon = Program.start(["run", "--config", str(self.settings), *arguments], self.log)
        return self.daemon

    def kill(self) -> None:
        """Kill the daemon with SIGKILL."""
        assert self.daemon is not None
        self.daemon.kill()

    def stop(self) -> int:
        """Ask the daemon to end; return its exit code."""
        assert self.daemon is not None
        return self.daemon.stop()

    def crash(self) -> None:
        """Kill the daemon, take every fault back, and start it again."""
        self.kill()
        self.emulator.disarm()
        self.start()

    def hang_up(self) -> None:
        """Have the daemon read its policies again."""
        assert self.daemon is not None
        self.daemon.send(signal.SIGHUP)

    def until(
        self, condition: Callable[[], T], what: str, *, seconds: float = PATIENCE_SECONDS
    ) -> T:
        """Wait for a condition; the daemon's last words are shown when it does not come true."""
        return until(condition, seconds, what, log=self.log)

    def write_policies(self, files: Mapping[str, str]) -> None:
        """Replace the policy files."""
        folder = self.directory / "policies"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, text in files.items():
            (folder / name).write_text(text)

    # --- what its users ask of it -----------------------------------------------------------------

    def get(self, path: str, *, key: str | None = None) -> Answer:
        """Send a GET to the daemon."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return exchange("GET", self.url + path, headers=headers)

    def post_events(
        self, body: bytes, *, key: str | None = WEBHOOK_KEY, path: str = "/events"
    ) -> Answer:
        """Post to the webhook as Event Grid would."""
        target = path if key is None else f"{path}?key={key}"
        headers = {"content-type": "application/json", "aeg-event-type": "Notification"}
        return exchange("POST", self.url + target, body=body, headers=headers)

    def signal(self, kind: str, call: str, **data: object) -> Answer:
        """Report an event of a call as an application would."""
        number = next(self._calls)
        event = {
            "specversion": "1.0",
            "id": f"signal-{number}",
            "source": "ivr",
            "type": f"recordingd.{kind}",
            "subject": call,
            "data": {"serverCallId": call, **data},
        }
        headers = {"content-type": CLOUD_EVENT, "authorization": f"Bearer {REPORTER_KEY}"}
        body = json.dumps(event).encode()
        answer = exchange("POST", self.url + "/v1/signals", body=body, headers=headers)
        assert answer.status == 202, answer.body
        return answer

    def consent(self, call: str, answer: str = "granted", **data: object) -> None:
        """Report an answer to the question of consent."""
        self.signal(f"consent.{answer}", call, method="app", **data)

    def call_in_ledger(self, call: str) -> Json | None:
        """Return what the running daemon says of a call; None when it knows none."""
        answer = self.get("/v1/calls/" + quote(call, safe=""), key=API_KEY)
        assert answer.status in {200, 404}, answer.body
        return None if answer.status == 404 else dict(answer.json)

    def recordings_in_ledger(self, call: str) -> list[Json]:
        """Return what the running daemon says of the recordings of a call."""
        found = self.call_in_ledger(call)
        return [] if found is None else list(found["recordings"])

    def status(self) -> Json:
        """Return the running daemon's status."""
        return dict(self.get("/v1/status", key=API_KEY).json)

    def alarms(self) -> set[str]:
        """Return the names of the alarms that are active."""
        return {alarm["name"] for alarm in self.status()["alarms"]}

    def alarmed(self, name: str) -> int:
        """Return how often the cause of an alarm was seen; 0 while it is not active."""
        return sum(a["count"] for a in self.status()["alarms"] if a["name"] == name)

    def until_alarmed(self, name: str, *, since: int = 0) -> None:
        """Wait until an alarm's cause was seen once more than before."""
        self.until(lambda: self.alarmed(name) > since, f"{name} is alarmed")

    def metric(self, name: str) -> float:
        """Return a metric's value by its full name with labels; 0.0 when it was never set."""
        for line in self.get("/metrics").body.decode().splitlines():
            found, _, value = line.rpartition(" ")
            if found == f"recordingd_{name}":
                return float(value)
        return 0.0

    def command(self, *arguments: str) -> Ran:
        """Run a command that only reads, on this stage's settings."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main.run([*arguments, "--config", str(self.settings)])
        return Ran(code, out.getvalue(), err.getvalue())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the ledger's own tables, beside whoever has it open."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as database:
            return database.execute(query, values).fetchall()

    @contextmanager
    def ledger_locked(self) -> Iterator[None]:
        """Keep the daemon from writing its ledger, as a backup that takes too long would."""
        with closing(sqlite3.connect(self.ledger, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")

    # --- the archive ------------------------------------------------------------------------------

    def media_on_disk(self) -> dict[str, str]:
        """Return every recording file of the archive with its hash."""
        found = [p for p in self.archive.glob("??/*") if p.suffix != ".json"]
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}

    def parts_on_disk(self) -> list[Path]:
        """Return what is being downloaded now."""
        return [p for p in self.archive.glob(".parts/*") if ".json" not in p.name]

    # --- calls ------------------------------------------------------------------------------------

    def name_call(self) -> str:
        """Return a server call id that nobody else uses, with what such ids have to be escaped."""
        return f"scenario/{os.getpid()}-{next(self._calls)}+x=="

    def begin_call(
        self,
        to: str | None,
        *participants: Json,
        call: str | None = None,
        caller: str = CALLER,
        context: Mapping[str, str] | None = None,
    ) -> str:
        """Begin a call of a customer and an agent, or of others; return its server call id."""
        body = {
            "serverCallId": call or self.name_call(),
            "from": caller,
            "to": to,
            "context": context or {},
            "participants": list(participants)
            or [{"id": "8:acs:customer"}, {"id": "8:acs:agent-1"}],
        }
        return str(self.emulator.ask("POST", "/calls", body)["serverCallId"])

    def join(self, call: str, participant: Json) -> None:
        """Let somebody join a call."""
        path = f"/calls/{quote(call, safe='')}/participants"
        self.emulator.ask("POST", path, participant)

    def leave(self, call: str, raw_id: str) -> None:
        """Let somebody leave a call."""
        path = f"/calls/{quote(call, safe='')}/participants/{quote(raw_id, safe='')}"
        self.emulator.ask("DELETE", path)

    def lengthen(self, seconds: int) -> None:
        """Let this time pass for the service alone, so that what it captures is longer by it.

        Half a minute of mixed audio is four of the blocks in which files are written.
        """
        self.emulator.ask("POST", "/clock", {"advanceSeconds": seconds})

    def end_call(self, call: str) -> None:
        """End a call."""
        self.emulator.ask("DELETE", "/calls/" + quote(call, safe=""))

    def state_of(self, call: str) -> str | None:
        """Return the state of a call's only recording; None when there is none."""
        found = self.recordings_in_ledger(call)
        assert len(found) <= 1, found
        return found[0]["state"] if found else None

    def captured_ms(self, call: str) -> int:
        """Return how much of a call the service has captured so far."""
        spans = [s for r in self.emulator.recordings_of(call) for s in r["capturedMs"]]
        return sum(end - start for start, end in spans)

    def until_captured(self, call: str, milliseconds: int = 400) -> None:
        """Wait until the service has captured so much of a call, and the daemon knows of it."""
        self.until(lambda: self.captured_ms(call) >= milliseconds, f"{call} is captured")
        self.until_state(call, "capturing")

    def until_state(self, call: str, *states: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until the only recording of a call is in one of some states; return which."""

        def reached() -> str | None:
            state = self.state_of(call)
            return state if state in states else None

        found = self.until(reached, f"{call} is {' or '.join(states)}", seconds=seconds)
        assert found is not None
        return found

    def until_kept(self, call: str, *, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until the only recording of a call is kept; return it as the ledger shows it."""
        self.until_state(call, "kept", seconds=seconds)
        return self.recordings_in_ledger(call)[0]

    def play(self, to: str, *participants: Json, milliseconds: int = 400) -> Json:
        """Play one call from its begin to its kept recording; return that."""
        call = self.begin_call(to, *participants)
        self.until_captured(call, milliseconds)
        self.end_call(call)
        return self.until_kept(call)

"""Walk through the README as a reader would: every command of it, in its order, for real.

Used by `test_readme`. Commands of recordingd run in a folder of their own; the daemon and the
emulator run as long as the tour needs them; make is asked whether it knows the target; what needs
root on a machine is only looked at.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.packaging.tree import BIN, ROOT, run

from recordingd.config.settings import load_settings
from recordingd.domain.calls import ServerCallId
from recordingd.domain.matchers import Source
from recordingd.domain.policies import Channels, Content, MediaFormat, PolicyName, StoreName
from recordingd.domain.recordings import Outcome, Recording, RecordingId
from recordingd.ledger.engine import open_ledger
from recordingd.planning.facts import new_call
from recordingd.ports.ledger import AuditEntry

README = (ROOT / "README.md").read_text()
# What a reader puts in place of what stands in angle brackets.
BLANKS = {"<key>": "c2VjcmV0", "<long random text>": "canary-4f1d"}
LOOKED_AT = frozenset({"sudo", "journalctl"})
PATIENCE_SECONDS = 30.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of a kind in their order."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [text for of_kind, text in every if of_kind == kind]


def commands() -> list[str]:
    """Return every command line of the README in its order."""
    lines = "".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def documents() -> Mapping[str, str]:
    """Return the files that the README has its reader write, by path."""
    named = {b.splitlines()[0].removeprefix("# ").strip(): b for b in blocks("yaml")}
    return {name: text for name, text in named.items() if name.startswith("policies/")}


def settings_examples() -> Mapping[str, str]:
    """Return the parts of settings that the README shows, by what each is about."""
    heads = {b.splitlines()[0]: b for b in blocks("yaml")}
    mark = "# recordingd.yaml: "
    return {h.removeprefix(mark): text for h, text in heads.items() if h.startswith(mark)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one command ended; `code` is None for one that was still running, as it should be."""

    code: int | None
    output: str


@dataclass(slots=True, kw_only=True)
class Tour:
    """A reader's shell: where it is, what is exported, what runs in another terminal."""

    folder: Path
    recording: str
    environ: dict[str, str]
    running: ExitStack
    daemon: subprocess.Popen[bytes] | None = None
    steps: dict[str, Step] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """Do what a line says, and remember how it ended."""
        for blank, value in BLANKS.items():
            line = line.replace(blank, value)
        words = shlex.split(line)
        match words:
            case ["cd", folder]:
                self.folder /= folder
                step = Step(code=0, output="")
                self._write_documents()
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                self.environ[name] = value
                step = Step(code=0, output="")
            case ["make", *targets]:
                step = self._run(["make", "-C", str(ROOT), "--dry-run", *targets])
            case ["recordingd", "run"]:
                step = self._start_daemon()
            case ["recordingd", "emulator", *_]:
                step = self._start_emulator(words)
            case ["recordingd", *_]:
                step = self._run(words)
            case [program, *rest] if program in LOOKED_AT:
                step = Step(code=_faults_of(rest), output="")
            case _:
                step = Step(code=127, output=f"the tour does not know how to run: {line}")
        self.steps[line] = step
        if words[:3] == ["recordingd", "ledger", "upgrade"]:
            self._seed()
        if words[:2] == ["recordingd", "init"]:
            self._take_a_free_port(self.folder / words[2] / "recordingd.yaml")

    def _run(self, words: list[str]) -> Step:
        program = BIN / words[0] if words[0] == "recordingd" else words[0]
        ended = run(program, *words[1:], cwd=self.folder, environ=self.environ)
        return Step(code=ended.returncode, output=ended.stdout + ended.stderr)

    def _write_documents(self) -> None:
        for name, text in documents().items():
            path = self.folder / name
            assert not path.exists(), f"{name} of the README is there already"
            path.write_text(text)

    @staticmethod
    def _take_a_free_port(settings: Path) -> None:
        """Keep the daemon of the tour off a port that somebody else may use."""
        text = settings.read_text()
        assert "127.0.0.1:8080" in text
        settings.write_text(text.replace("127.0.0.1:8080", "127.0.0.1:0"))

    def _seed(self) -> None:
        """Give the ledger one recording with the id that the README speaks of."""
        settings = load_settings(self.folder / "recordingd.yaml", self.environ)
        facts = new_call(ServerCallId("aHR0cHM6Ly9jb250b3Nv"), seen_at=NOON)
        recording = Recording(
            id=RecordingId(self.recording.ljust(32, "0")),
            policy=PolicyName("billing-line"),
            policy_revision=1,
            source=Source(file="billing.yaml", line=9),
            expected_at=NOON,
            content=Content.AUDIO,
            channels=Channels.UNMIXED,
            format=MediaFormat.WAV,
            archive=StoreName("main"),
            container=None,
            purpose="recording",
            consent=None,
            keeping=(),
            keeping_revision=1,
            affinity={},
            stopped_at=NOON,
            outcome=Outcome.NOT_RECORDED,
            detail="nobody agreed",
        )
        call = replace(facts.call, started_at=NOON, ended_at=NOON)
        line = AuditEntry(kind="close.recording", call_id=call.call_id, ref=None, detail={})
        ledger = open_ledger(settings.ledger, instance=settings.instance, now=lambda: NOON)
        try:
            with ledger.transaction() as store:
                store.save(replace(facts, call=call, recordings=(recording,)), audit=[line])
        finally:
            ledger.close()

    def _start_daemon(self) -> Step:
        """Start the daemon; it is up when it says so to the service manager."""
        address = self.folder / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(address))
            manager.settimeout(PATIENCE_SECONDS)
            log = self.running.enter_context((self.folder / "daemon.log").open("wb"))
            self.daemon = subprocess.Popen(
                [BIN / "recordingd", "run"],
                cwd=self.folder,
                env={**self.environ, "NOTIFY_SOCKET": str(address)},
                stdout=log,
                stderr=log,
            )
            self.running.callback(_end, self.daemon)
            try:
                said = manager.recv(4096)
            except TimeoutError:
                said = b""
        output = said.decode() + (self.folder / "daemon.log").read_text()
        return Step(code=self.daemon.poll() if said == b"READY=1" else 1, output=output)

    def _start_emulator(self, words: list[str]) -> Step:
        """Start the emulator; it is up when it has printed where it is."""
        with (self.folder / "emulator.log").open("wb") as log:
            emulator = subprocess.Popen(
                [BIN / words[0], *words[1:]],
                cwd=self.folder,
                env=self.environ,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            assert emulator.stdout is not None
            try:
                line = emulator.stdout.readline().decode()
                is_up = "connectionString" in (json.loads(line) if line else {})
                return Step(code=emulator.poll() if is_up else 1, output=line)
            finally:
                _end(emulator)
                emulator.stdout.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_SECONDS)


def _faults_of(words: list[str]) -> int:
    """Count the files of the tree that a command names and that are not there."""
    named = [word for word in words if word.startswith(("systemd/", "policies/", "schema/"))]
    return sum(not (ROOT / name).exists() for name in named)


@contextmanager
def touring(folder: Path, recording: str) -> Iterator[Tour]:
    """Take every command of the README once; what was started is ended with the block."""
    with ExitStack() as running:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RECORDINGD_", "NOTIFY_"))}
        tour = Tour(folder=folder, recording=recording, environ=kept, running=running)
        for line in commands():
            tour.take(line)
        yield tour

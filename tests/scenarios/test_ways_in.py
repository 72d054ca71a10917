"""Every way that events come in, on its own and together: the real daemon records a call by each.

A queue alone, for a daemon that nobody can reach; the webhook under tokens of Entra ID; callbacks
under the service's tokens; and webhook and queue at once, where every event comes twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.azurite import Azurite
from tests.scenarios.processes import Emulator, Json, Port, exchange
from tests.scenarios.stage import API_KEY, WEBHOOK_KEY, Stage
from tests.scenarios.tree import MIXED_LINE, POLICIES

TENANT = "0f6f1c39-8d7c-4f0e-9d54-3f5b6a0f2a11"
AUDIENCE = "api://recorder.contoso.example"
# Bad tokens that the emulator makes on demand; each is refused and its delivery repeated or lost.
SPOILED = (
    *("unsigned", "expired", "notYetValid", "noExp", "wrongAudience", "wrongIssuer"),
    *("algNone", "unknownKid", "forged"),
)
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
stateDir: state
mode: enforce
acs:
  connectionString: {{file: secrets/acs}}
  storageHosts: [127.0.0.1]
  startWindow: 2s
policies: policies
listen: 127.0.0.1:{port}
api: {{tokens: [{{name: ops, secret: {{file: secrets/api}}}}]}}
log: {{format: text}}
{ways}
"""
WEBHOOK = "webhook: {secrets: [{file: secrets/webhook}]}"

# What the settings say of the ways in, once the emulator told its own side of them.
Ways = Callable[[Emulator, Port], str]
MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """Make a stage with a running daemon whose ways in are the test's own."""
    with ExitStack() as stack:

        def make(
            ways: Ways,
            *arguments: str,
            events_to: str | None = None,
            secrets: Mapping[str, str] | None = None,
        ) -> Stage:
            directory = tmp_path_factory.mktemp("s")
            port = Port()
            stack.callback(port.release)
            target = () if events_to is None else ("--events-to", _events_url(port, events_to))
            emulator = Emulator.start(directory, "--speed", "4", *target, *arguments)
            stack.callback(emulator.program.stop)
            _write_secrets(
                directory / "secrets",
                {
                    "acs": emulator.ready["connectionString"],
                    "webhook": WEBHOOK_KEY,
                    "api": API_KEY,
                    **(secrets or {}),
                },
            )
            stage = Stage(directory=directory, emulator=emulator, port=port)
            text = SETTINGS.format(port=port.number, ways=ways(emulator, port))
            stage.settings.write_text(text)
            stage.write_policies(POLICIES)
            stack.callback(lambda: stage.daemon is None or stage.daemon.stop())
            stage.start()
            return stage

        yield make


def _events_url(port: Port, query: str) -> str:
    return f"http://127.0.0.1:{port.number}/events{query}"


def _write_secrets(folder: Path, values: Mapping[str, str]) -> None:
    folder.mkdir(mode=0o700)
    for name, value in values.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value)


def by_queue(url: str, *more: str) -> Ways:
    queue = f"storageQueue: {{queue: '{url}', accountKey: {{file: secrets/queue}}}}"
    return lambda _emulator, _port: f"ingress: {{{', '.join([queue, *more])}}}"


def by_entra(*more: str) -> Ways:
    def ways(emulator: Emulator, _port: Port) -> str:
        told = emulator.ready["eventsEntra"]
        entra = (
            f"tenantId: '{told['tenantId']}', audience: '{told['audience']}', "
            f"applicationId: '{told['applicationId']}', "
            f"openIdConfiguration: '{told['openIdConfiguration']}'"
        )
        return f"ingress: {{{', '.join([f'webhook: {{entra: {{{entra}}}}}', *more])}}}"

    return ways


def by_signed_callbacks(emulator: Emulator, port: Port) -> str:
    configuration = emulator.ready["openIdConfiguration"] or "http://127.0.0.1:1/none"
    audience = emulator.ready["audience"] or "nobody"
    callbacks = f"callbacks: {{audience: '{audience}', openIdConfiguration: '{configuration}'}}"
    return f"publicUrl: http://127.0.0.1:{port.number}\ningress: {{{WEBHOOK}, {callbacks}}}"


def events_of(stage: Stage) -> dict[str, set[str]]:
    """Return the ids of the events in the ledger by their channel."""
    found: dict[str, set[str]] = {}
    for channel, event_id in stage.rows("SELECT channel, event_id FROM inbox"):
        found.setdefault(channel, set()).add(event_id)
    return found


def is_archived_once(stage: Stage, recording: Json) -> bool:
    """Say whether the recording's one file is archived as the service had it."""
    (kept,) = recording["files"]
    (service,) = stage.emulator.recordings_of(recording["serverCallId"])
    hashes = [file["sha256"] for file in service["files"]]
    return list(stage.media_on_disk().values()) == hashes == [kept["sha256"]]


# --- a queue --------------------------------------------------------------------------------------


def test_daemon_without_a_public_address_records_by_its_queue_alone(
    make_stage: MakeStage, azurite: Azurite
) -> None:
    url = azurite.create_queue()
    stage = make_stage(by_queue(url), "--events-to-queue", url, secrets={"queue": azurite.key})
    recording = stage.play(MIXED_LINE)
    assert is_archived_once(stage, recording)
    assert set(events_of(stage)) == {"queue"}
    assert stage.post_events(b"[]").status == 503
    with azurite.queue(url) as client:
        stage.until(lambda: not client.peek_messages(), "the queue is empty")


def test_events_that_wait_in_the_queue_are_recorded_by_after_a_restart(
    make_stage: MakeStage, azurite: Azurite
) -> None:
    url = azurite.create_queue()
    stage = make_stage(by_queue(url), "--events-to-queue", url, secrets={"queue": azurite.key})
    stage.kill()
    call = stage.begin_call(MIXED_LINE)
    stage.start()
    stage.until_captured(call)
    stage.kill()
    stage.end_call(call)
    stage.start()
    # What a killed daemon was just given stays hidden for half a minute.
    assert is_archived_once(stage, stage.until_kept(call, seconds=70))


def test_event_that_comes_by_webhook_and_queue_has_one_effect(
    make_stage: MakeStage, azurite: Azurite
) -> None:
    url = azurite.create_queue()
    stage = make_stage(
        by_queue(url, WEBHOOK),
        *("--events-to-queue", url),
        events_to=f"?key={WEBHOOK_KEY}",
        secrets={"queue": azurite.key},
    )
    recording = stage.play(MIXED_LINE)

    def has_come_twice() -> bool:
        events = events_of(stage)
        return len(events) == 2 and events["queue"] == events["eventgrid"]

    stage.until(has_come_twice, "every event came by both ways")
    unread = "SELECT count(*) FROM inbox WHERE state <> 'applied'"
    stage.until(lambda: stage.rows(unread) == [(0,)], "every event is applied")
    assert is_archived_once(stage, recording)
    assert len(stage.emulator.requests(method="POST", holding="/calling/recordings")) == 1
    assert stage.recordings_in_ledger(recording["serverCallId"])[0]["state"] == "kept"


# --- tokens of Event Grid -------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
def test_webhook_under_tokens_of_entra_id_records_a_call(
    make_stage: MakeStage, version: int
) -> None:
    entra = f"tenant={TENANT},audience={AUDIENCE},version={version}"
    stage = make_stage(by_entra(), "--events-entra", entra, events_to="")
    recording = stage.play(MIXED_LINE)
    assert is_archived_once(stage, recording)
    assert set(events_of(stage)) == {"eventgrid"}
    assert stage.alarms() == set()


def test_events_under_every_kind_of_bad_token_are_refused_and_come_again_under_a_good_one(
    make_stage: MakeStage,
) -> None:
    entra = f"tenant={TENANT},audience={AUDIENCE}"
    stage = make_stage(by_entra(), "--events-entra", entra, events_to="")
    faults = [f"events.{name}" for name in (*SPOILED, "wrongCaller") if name != "unsigned"]
    refused = 'events_rejected_total{reason="wrongCredential"}'

    def refuse(fault: str, so_far: int) -> None:
        # The subscription's handshake carries a token too and may still be on its way.
        match = {"type": "CallStarted"}
        stage.emulator.ask("POST", "/faults", {"name": fault, "match": match})
        call = stage.begin_call(None)
        stage.until(lambda: stage.metric(refused) == so_far, f"{fault} is refused")
        stage.end_call(call)

    for number, fault in enumerate(faults, start=1):
        refuse(fault, number)
    sent = {parcel["id"] for parcel in stage.emulator.ask("GET", "/events")}
    stage.until(lambda: events_of(stage)["eventgrid"] == sent, "every event came in the end")
    assert "EventsRejected" in stage.alarms()


# --- tokens of callbacks --------------------------------------------------------------------------


def test_signed_callbacks_are_taken_and_a_rotated_key_is_found(make_stage: MakeStage) -> None:
    stage = make_stage(by_signed_callbacks, events_to=f"?key={WEBHOOK_KEY}")
    assert is_archived_once(stage, stage.play(MIXED_LINE))
    first = events_of(stage)["callbacks"]
    assert first
    stage.emulator.ask("POST", "/callback-keys/rotate", {"keepOld": False})
    stage.play(MIXED_LINE)
    assert events_of(stage)["callbacks"] > first
    assert stage.alarms() == set()


def test_unsigned_callbacks_are_refused_and_the_call_is_recorded_all_the_same(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(by_signed_callbacks, "--unsigned-callbacks", events_to=f"?key={WEBHOOK_KEY}")
    assert is_archived_once(stage, stage.play(MIXED_LINE))
    assert set(events_of(stage)) == {"eventgrid"}
    assert stage.metric('events_rejected_total{reason="noToken"}') > 0
    assert "EventsRejected" in stage.alarms()


@pytest.mark.parametrize("fault", [f"callbacks.{name}" for name in SPOILED])
def test_callback_under_a_bad_token_changes_nothing(make_stage: MakeStage, fault: str) -> None:
    stage = make_stage(by_signed_callbacks, events_to=f"?key={WEBHOOK_KEY}")
    stage.emulator.arm(fault, count=None)
    call = stage.begin_call(MIXED_LINE)
    stage.until(lambda: stage.emulator.fired(fault) > 0, f"{fault} has bitten")
    stage.until_captured(call)
    assert set(events_of(stage)) == {"eventgrid"}


def test_guessed_callback_address_is_refused_under_a_token_that_nobody_signed(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(by_signed_callbacks, events_to=f"?key={WEBHOOK_KEY}")
    headers = {"authorization": "Bearer e30.e30.e30"}
    answer = exchange("POST", f"{stage.url}/callbacks/guess", body=b"[]", headers=headers)
    assert answer.status == 401

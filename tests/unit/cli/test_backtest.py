"""`recordingd backtest`: the ledger's calls under other policies, read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.factories import (
    keep,
    make_call,
    make_facts,
    make_keeping,
    make_participant,
    make_receipt,
    make_running,
    make_verified,
)

from recordingd.cli.exits import Exit
from recordingd.cli.main import run
from recordingd.config.settings import load_settings
from recordingd.domain.calls import ServerCallId, call_id_of
from recordingd.domain.recordings import CallFacts, FileId, RecordingId
from recordingd.ledger.engine import open_ledger
from recordingd.runtime.system import SystemClock

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: ACS}}
policies: policies
"""
EVERYTHING = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: support-line
match: {}
record: {content: audio, channels: mixed, format: wav}
retention: {keepAtLeast: 90d}
"""
NOTHING = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: nobody
match: {}
decision: skip
"""
Fill = Callable[..., list[str]]


@pytest.fixture
def now() -> datetime:
    return SystemClock().now_utc()


@pytest.fixture
def fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Make a tree with a ledger of these calls; return the arguments that name its settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(EVERYTHING)
    settings = tmp_path / "recordingd.yaml"
    settings.write_text(SETTINGS)
    config = ["--config", str(settings)]

    def make(*calls: CallFacts) -> list[str]:
        assert run(["ledger", "upgrade", *config]) == Exit.OK
        loaded = load_settings(settings)
        ledger = open_ledger(
            loaded.ledger, instance=loaded.instance, now=SystemClock().now_utc, read_only=False
        )
        with ledger.transaction() as rows:
            for facts in calls:
                rows.save(facts, audit=())
        ledger.close()
        return ["backtest", *config]

    return make


def bare(name: str, at: datetime, **changes: object) -> CallFacts:
    """A call of a minute with nobody but Alice in it and no recording."""
    server_call_id = ServerCallId(name)
    call = make_call(
        call_id=call_id_of(server_call_id),
        server_call_id=server_call_id,
        first_seen_at=at,
        started_at=at,
        ended_at=at + timedelta(minutes=1),
        **changes,
    )
    return make_facts(call, participants=make_participant(joined_at=at))


def recorded(name: str, at: datetime, *, keep_at_least: str = "90d") -> CallFacts:
    """A call of which 50 s are kept, at 1,000 bytes a second."""
    facts, ended_at = bare(name, at), at + timedelta(minutes=1)
    recording = make_running(
        id=RecordingId(f"r-{name}"),
        recording_id=f"service-{name}",
        callback_token_hash=name,
        keeping=(make_keeping(keep(keep_at_least)),),
        active_since=None,
        stopped_at=ended_at,
    )
    file = make_verified(
        id=FileId(f"f-{name}"),
        document_id=f"document-{name}",
        recording=recording.id,
        size_bytes=50_000,
        duration_ms=50_000,
    )
    return replace(facts, recordings=(recording,), files=(file,))


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*arguments, "-f", "json"]) == Exit.OK
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_ledger_without_calls_has_nothing_to_compare(
    fill: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fill()) == Exit.OK
    said = capsys.readouterr().out
    assert "0 calls since " in said
    assert "no call differs" in said


def test_differences_are_told_in_words(
    fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    day = timedelta(days=1)
    arguments = fill(
        recorded("same", now - day),
        recorded("shorter", now - day, keep_at_least="5y"),
        bare("new", now - day),
    )
    assert run(arguments) == Exit.OK
    said = capsys.readouterr().out
    assert "3 calls since" in said
    assert "1 newly recorded, 1 with a lower floor" in said
    assert "all policies" in said
    assert "~180.0 kB" in said
    assert call_id_of(ServerCallId("new")) in said
    assert call_id_of(ServerCallId("same")) not in said
    assert "~ audio mixed wav: 1.0 kB a second, as measured" in said


def test_json_holds_the_same(fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    result = as_json(capsys, *fill(recorded("old", now), bare("new", now - timedelta(days=2))))
    assert result["formatVersion"] == "1"
    assert result["calls"] == {"compared": 2, "live": 0, "forgotten": 0}
    assert result["summary"] == {
        "newlyRecorded": 1,
        "newlyUnrecorded": 0,
        "otherPolicy": 0,
        "floorLost": 0,
    }
    assert result["total"] == {
        "before": {"calls": 1, "bytes": 50_000, "isEstimate": False, "noData": []},
        "after": {"calls": 2, "bytes": 120_000, "isEstimate": True, "noData": []},
    }
    (difference,) = result["differences"]
    assert difference["call"] == call_id_of(ServerCallId("new"))
    assert difference["changes"] == ["newlyRecorded"]
    assert difference["before"]["policies"] == []
    assert difference["after"]["policies"] == ["support-line"]
    assert difference["after"]["keepRule"] == "support-line#retention"


def test_other_policies_are_tried_where_they_are_named(
    fill: Fill, now: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "proposed").mkdir()
    (tmp_path / "proposed" / "none.yaml").write_text(NOTHING)
    result = as_json(capsys, *fill(recorded("old", now)), "--policies", "proposed")
    assert result["summary"]["newlyUnrecorded"] == 1
    assert result["total"]["after"]["calls"] == 0


@pytest.mark.parametrize(("since", "count"), [("3d", 0), ("5d", 1), ("2w", 2)])
def test_only_calls_of_the_time_asked_for_are_compared(
    since: str, count: int, fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = fill(bare("a", now - timedelta(days=4)), bare("b", now - timedelta(days=10)))
    result = as_json(capsys, *arguments, "--since", since)
    assert result["calls"]["compared"] == count


def test_calls_that_are_not_shown_are_counted(
    fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*fill(*(bare(f"new-{n}", now) for n in range(3))), "--limit", "2"]
    result = as_json(capsys, *arguments)
    assert (len(result["differences"]), result["notShown"]) == (2, 1)
    assert run(arguments) == Exit.OK
    assert "1 more call not shown" in capsys.readouterr().out


def test_forgotten_calls_are_counted(
    fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = recorded("gone", now - timedelta(days=1))
    purged = replace(facts, participants=(), receipts=(make_receipt(facts.files[0]),))
    assert run(fill(purged)) == Exit.OK
    assert "1 call left out: its facts went with what was recorded" in capsys.readouterr().out


def test_estimate_from_documents_says_so(
    fill: Fill, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fill(bare("new", now))) == Exit.OK
    assert "32.0 kB a second, an estimate from the service's documents" in capsys.readouterr().out


def test_shape_without_data_is_named(
    fill: Fill, now: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = fill(bare("new", now))
    (tmp_path / "policies" / "all.yaml").write_text(EVERYTHING.replace("wav", "mp3"))
    assert run(arguments) == Exit.OK
    assert "none was recorded: audio mixed mp3" in capsys.readouterr().out


def test_invalid_policies_are_refused(
    fill: Fill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = fill()
    (tmp_path / "policies" / "all.yaml").write_text(EVERYTHING.replace("wav", "ogg"))
    assert run(arguments) == Exit.INVALID
    assert "all.yaml:5:" in capsys.readouterr().err


def test_nothing_is_written(fill: Fill, now: datetime, tmp_path: Path) -> None:
    arguments = fill(recorded("old", now), bare("new", now))
    before = (tmp_path / "ledger.db").read_bytes()
    assert run(arguments) == Exit.OK
    assert (tmp_path / "ledger.db").read_bytes() == before


@pytest.mark.parametrize("option", [["--since", "forever"], ["--since", "x"], ["--limit", "0"]])
def test_usage_error_is_told(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["backtest", *option])
    assert ended.value.code == Exit.USAGE
    assert option[1] in capsys.readouterr().err

"""What goes wrong at a desk ends in one line that says what to do, never in a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from recordingd.cli.exits import Exit
from recordingd.cli.main import run

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {{connectionString: {{file: acs}}}}
policies: policies
listen: 127.0.0.1:{port}
"""
POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: everything
match: {}
record: {content: audio, channels: mixed, format: wav}
"""
CONNECTION = "endpoint=http://127.0.0.1:1/;accesskey=c2VjcmV0"


def a_tree(folder: Path, port: int = 0) -> Path:
    """Make settings with one policy; return the settings file."""
    (folder / "policies").mkdir()
    (folder / "policies" / "all.yaml").write_text(POLICY)
    (folder / "acs").write_text(CONNECTION)
    (folder / "acs").chmod(0o600)
    settings = folder / "recordingd.yaml"
    settings.write_text(SETTINGS.format(port=port))
    return settings


@pytest.mark.parametrize("arguments", [[], ["validate"]])
def test_reader_that_has_gone_is_no_reason_to_complain(
    arguments: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert run(arguments) == Exit.FAILED
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("moment", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_time_beyond_the_calendar_is_a_usage_error(
    moment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = a_tree(tmp_path)
    run(["ledger", "upgrade", "--config", str(settings)])
    with pytest.raises(SystemExit) as ended:
        run(["plan", "--at", moment, "--config", str(settings)])
    assert ended.value.code == Exit.USAGE
    assert moment in capsys.readouterr().err


def test_last_time_that_is_taken_can_be_planned(tmp_path: Path) -> None:
    settings = a_tree(tmp_path)
    run(["ledger", "upgrade", "--config", str(settings)])
    latest = ["--at", "9499-12-31T00:00:00Z", "--horizon", "400y"]
    assert run(["plan", *latest, "--config", str(settings)]) == Exit.OK


def test_file_in_the_way_is_named_without_error_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("mine")
    assert run(["init", str(tmp_path / "taken")]) == Exit.FAILED
    said = capsys.readouterr().err
    assert str(tmp_path / "taken") in said
    assert "Errno" not in said


def test_address_that_is_taken_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = a_tree(tmp_path, port)
        command = [sys.executable, "-m", "recordingd", "run", "--config", str(settings)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == Exit.FAILED
    assert f"127.0.0.1:{port}" in ended.stderr
    assert f"'listen' in {settings}" in ended.stderr


def test_directory_does_not_pass_for_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_tree(tmp_path)
    assert run(["validate", "--config", str(tmp_path / "policies")]) == Exit.INVALID
    assert "is not a file" in capsys.readouterr().err


def test_online_tries_the_settings_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = a_tree(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for named in (tmp_path, settings):
        assert run(["validate", "--online", str(named)]) == Exit.FAILED
        assert "FAIL  service" in capsys.readouterr().out


@pytest.mark.parametrize("limit", ["0", "-3", "many"])
def test_limit_that_lists_nothing_is_a_usage_error(
    limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["recordings", "list", "--limit", limit])
    assert ended.value.code == Exit.USAGE
    assert f"'{limit}'" in capsys.readouterr().err


def test_cursor_that_is_no_recording_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(a_tree(tmp_path))]
    run(["ledger", "upgrade", *config])
    assert run(["recordings", "list", "--cursor", "zzz", *config]) == Exit.FAILED
    assert "'zzz'" in capsys.readouterr().err


def test_one_fault_is_counted_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_tree(tmp_path)
    path = tmp_path / "policies" / "all.yaml"
    path.write_text(POLICY.replace("format: wav", "format: ogg"))
    assert run(["validate", str(path)]) == Exit.INVALID
    assert capsys.readouterr().out.endswith("1 file: 1 error\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plna"], "there is no command 'plna'; did you mean 'plan'?"),
        (["frobnicate"], "there is no command 'frobnicate'; 'recordingd --help' lists those there"),
        (["plan", "--frob"], "arguments: --frob; 'recordingd plan --help' lists what there is"),
        (["plan", "--horizon", "900y"], "'900y' is longer than 400 years; write a shorter one"),
        (["plan", "--horizon", "3x"], "write 15s, 10m, 24h, 90d, 6w, 7y or ISO 8601\n"),
        (["plan", "--at", "2026-11-20"], "write 2026-11-20T00:00:00Z for UTC"),
        (["plan", "--at", "2026-11-20T10:00"], "write 2026-11-20T10:00Z for UTC"),
        (["pl\x1b[31man"], "there is no command 'pl [31man'"),
    ],
)
def test_typing_error_is_answered_with_what_can_be_typed(
    arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == Exit.USAGE
    assert said in capsys.readouterr().err


def test_message_about_an_argument_steers_no_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_tree(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(["ledger", "upgrade"]) == Exit.OK
    assert run(["why", "a\x1b[31m"]) == Exit.FAILED
    assert capsys.readouterr().err == "recordingd: no recording's id starts with 'a [31m'\n"

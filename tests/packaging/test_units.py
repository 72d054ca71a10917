"""The systemd units and the sample tree of /etc fit each other, the CLI, and what was promised."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from tests.packaging.tree import BIN, ROOT, run

UNIT = ROOT / "systemd" / "recordingd.service"
DROP_IN = ROOT / "systemd" / "recordingd.service.d" / "hardening.conf"
SAMPLE = ROOT / "systemd" / "etc" / "recordingd" / "recordingd.yaml"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")

PROMISED = {
    "Type": "notify",
    "DynamicUser": "yes",
    "StateDirectory": "recordingd",
    "StateDirectoryMode": "0700",
    "RuntimeDirectory": "recordingd",
    "ConfigurationDirectory": "recordingd",
    "ProtectSystem": "strict",
    "MemoryDenyWriteExecute": "yes",
    "PrivateUsers": "yes",
    "PrivateMounts": "yes",
    "ProtectProc": "invisible",
    "ProcSubset": "pid",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "LimitCORE": "0",
    "Restart": "always",
}


def directives(path: Path) -> dict[str, list[str]]:
    """Return every directive of a unit file with its values in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", ";", "[")):
            key, separator, value = line.partition("=")
            assert separator, f"no directive: {line}"
            found[key].append(value)
    return found


def settings() -> dict[str, object]:
    loaded = yaml.safe_load(SAMPLE.read_text())
    assert isinstance(loaded, dict)
    return loaded


def credentials_of(value: object) -> set[str]:
    """Return the names of all credentials that settings refer to."""
    if isinstance(value, list):
        return {name for part in value for name in credentials_of(part)}
    if not isinstance(value, dict):
        return set()
    own = {str(value["credential"])} if value.keys() == {"credential"} else set()
    return own | {name for part in value.values() for name in credentials_of(part)}


@pytest.mark.parametrize(("directive", "value"), PROMISED.items())
def test_unit_has_what_was_promised(directive: str, value: str) -> None:
    assert directives(UNIT)[directive] == [value]


def test_unit_filters_system_calls() -> None:
    filters = directives(UNIT)["SystemCallFilter"]
    assert filters == ["@system-service", "~@privileged @resources"]


def test_unit_waits_longer_than_the_daemon_drains() -> None:
    [seconds] = directives(UNIT)["TimeoutStopSec"]
    assert int(seconds) > 60


@pytest.mark.parametrize("directive", ["ExecStartPre", "ExecStart", "ExecReload"])
def test_unit_starts_commands_that_exist(directive: str) -> None:
    [command] = directives(UNIT)[directive]
    program, *arguments = command.split()
    options = [a for a in arguments if a.startswith("-")]
    words = arguments[: arguments.index(options[0])]
    shown = run(BIN / Path(program).name, *words, "--help")
    assert shown.returncode == 0, shown.stderr
    assert all(option in shown.stdout for option in options)


def test_unit_stops_trying_once_settings_are_wrong() -> None:
    # Only the main process's exit status counts (systemd.service(5), RestartPreventExitStatus=).
    unit = directives(UNIT)
    assert unit["RestartPreventExitStatus"] == ["3"]
    assert all(command.startswith("-/") for command in unit["ExecStartPre"])


@pytest.mark.parametrize("directive", ["ExecStart", "ExecReload"])
def test_unit_reads_the_settings_where_the_sample_lies(directive: str) -> None:
    [command] = directives(UNIT)[directive]
    assert f"/etc/{SAMPLE.relative_to(ROOT / 'systemd' / 'etc')}" in command.split()


def test_unit_may_reach_its_own_control_socket() -> None:
    # Reloading runs in the same sandbox as the daemon, and speaks to it over a UNIX socket.
    unit = directives(UNIT)
    assert "AF_UNIX" in unit["RestrictAddressFamilies"][0].split()
    assert str(settings()["control"]).startswith(f"/run/{unit['RuntimeDirectory'][0]}/")


def test_unit_loads_every_credential_of_the_sample() -> None:
    loaded = {value.partition(":")[0] for value in directives(UNIT)["LoadCredential"]}
    assert loaded == credentials_of(settings())


def test_sample_writes_where_the_unit_lets_it() -> None:
    sample, unit = settings(), directives(UNIT)
    assert sample["stateDir"] == f"/var/lib/{unit['StateDirectory'][0]}"
    assert str(sample["control"]).startswith(f"/run/{unit['RuntimeDirectory'][0]}/")
    assert str(sample["ledger"]) == f"sqlite:///{sample['stateDir']}/ledger.db"


def test_sample_settings_and_policies_are_valid() -> None:
    checked = run(BIN / "recordingd", "validate", SAMPLE, "-f", "json")
    report = json.loads(checked.stdout)
    assert (checked.returncode, report["diagnostics"]) == (0, [])


def test_sample_deletes_nothing() -> None:
    assert settings()["mode"] == "retain"


def test_drop_in_changes_nothing_until_it_is_filled_in() -> None:
    assert directives(DROP_IN) == {}


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    # The programs that a unit starts have to exist; a copy names one that does.
    text = UNIT.read_text().replace("/usr/bin/recordingd", str(BIN / "recordingd"))
    (tmp_path / UNIT.name).write_text(text)
    verified = run(str(ANALYZE), "verify", tmp_path / UNIT.name)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_no_fault_in_the_drop_in_once_it_is_filled_in(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/usr/bin/recordingd", str(BIN / "recordingd"))
    (tmp_path / UNIT.name).write_text(text)
    filled = re.sub(r"^#(?=\S)", "", DROP_IN.read_text(), flags=re.MULTILINE)
    # A root of its own would have to hold the programs, and here is none.
    filled = re.sub(r"^(RootDirectory|BindReadOnlyPaths)=.*$", "", filled, flags=re.MULTILINE)
    folder = tmp_path / f"{UNIT.name}.d"
    folder.mkdir()
    (folder / DROP_IN.name).write_text(filled)
    verified = run(str(ANALYZE), "verify", tmp_path / UNIT.name)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd
def test_exposure_is_at_most_1_1() -> None:
    # The threshold is given in tenths.
    judged = run(str(ANALYZE), "security", "--no-pager", "--offline=true", "--threshold=11", UNIT)
    assert judged.returncode == 0, judged.stdout

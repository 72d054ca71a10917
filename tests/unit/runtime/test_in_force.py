from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.factories import T0
from tests.unit.runtime.conftest import InlineRunner

from recordingd.config.settings import Settings, load_settings
from recordingd.domain.errors import ConfigurationError
from recordingd.ledger.engine import LedgerDatabase, open_ledger
from recordingd.runtime.in_force import InForce, take_into_force

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: {name}
match: {{}}
record: {{content: audio, channels: mixed, format: wav}}
"""
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: ACS}}
policies: policies
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(POLICY.format(name="everything"))
    path = tmp_path / "recordingd.yaml"
    path.write_text(SETTINGS)
    return load_settings(path)


@pytest.fixture
def take(settings: Settings) -> Callable[..., InForce]:
    database: LedgerDatabase = open_ledger("sqlite://", instance="default", now=lambda: T0)
    runner = InlineRunner(database)

    def run(current: InForce | None = None, *, is_strict: bool = False) -> InForce:
        return asyncio.run(
            take_into_force(settings, runner, current=current, now=T0, is_strict=is_strict)
        )

    return run


Take = Callable[..., InForce]


def spoil(settings: Settings) -> None:
    (settings.policies / "all.yaml").write_text("kind: Nonsense\n")


def test_first_tree_is_revision_one(take: Take) -> None:
    in_force = take()
    assert in_force.revision == 1
    assert in_force.last_reload.error is None


def test_same_tree_keeps_its_number(take: Take) -> None:
    assert take().digest == take().digest
    assert take().revision == 1


def test_changed_tree_gets_the_next_number(take: Take, settings: Settings) -> None:
    first = take()
    (settings.policies / "all.yaml").write_text(POLICY.format(name="renamed"))
    second = take(first)
    assert (second.revision, second.last_reload.error) == (2, None)
    assert second.compiled.by_name("renamed") is not None


def test_invalid_tree_leaves_what_is_in_force(take: Take, settings: Settings) -> None:
    first = take()
    spoil(settings)
    second = take(first)
    assert second.compiled is first.compiled
    assert "all.yaml:1" in (second.last_reload.error or "")


def test_invalid_tree_at_the_start_falls_back_to_the_accepted_text(
    take: Take, settings: Settings
) -> None:
    take()
    spoil(settings)
    again = take()
    assert again.compiled.by_name("everything") is not None
    assert again.last_reload.error is not None


def test_invalid_tree_at_a_strict_start_is_refused(take: Take, settings: Settings) -> None:
    take()
    spoil(settings)
    with pytest.raises(ConfigurationError):
        take(is_strict=True)


def test_invalid_tree_with_nothing_accepted_is_refused_with_every_fault(
    take: Take, settings: Settings
) -> None:
    spoil(settings)
    with pytest.raises(ConfigurationError) as refused:
        take()
    assert refused.value.faults

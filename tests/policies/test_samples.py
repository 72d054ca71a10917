"""The sample policies are valid, say what they promise, and can be copied as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from recordingd.config.policy_files import check_policies, load_policies, load_texts
from recordingd.domain.calls import (
    Call,
    Participant,
    Party,
    RawId,
    ServerCallId,
    call_id_of,
)
from recordingd.domain.policies import Channels, Content, Decision, MediaFormat
from recordingd.planning.conditions import leaves_of
from recordingd.planning.matching import Verdict, compile_policies

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "policies"
SUPPORT = "4:+18005550100"
AGENT = "8:acs:agent-7"
CUSTOMER = "4:+14155550123"
COUNCIL = "8:acs:works-council-1"
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def decide(
    *people: str, to: str | None = None, is_rooms: bool = False, tags: Mapping[str, str]
) -> Verdict:
    server_call_id = ServerCallId("aHR0cHM6Ly9jYWxs")
    call = Call(
        call_id=call_id_of(server_call_id),
        server_call_id=server_call_id,
        first_seen_at=NOW,
        started_at=NOW,
        is_rooms_call=is_rooms,
        to_party=None if to is None else Party(raw_id=RawId(to)),
        tags=dict(tags),
    )
    participants = [
        Participant(party=Party(raw_id=RawId(raw_id)), joined_at=NOW) for raw_id in people
    ]
    policies = compile_policies(load_policies(SAMPLES))
    return policies.decide(call, participants, now=NOW, settled=True)


def test_samples_have_no_errors_and_no_warnings() -> None:
    diagnostics, policies = check_policies(SAMPLES)
    assert [d.as_text() for d in diagnostics] == []
    assert policies is not None


def test_samples_load_again_from_their_texts() -> None:
    policies = load_policies(SAMPLES)
    again = load_texts(policies.texts)
    assert again == policies
    assert "agents.csv" in policies.texts


@pytest.mark.parametrize(
    ("to", "is_rooms", "tags", "people", "expected"),
    [
        (SUPPORT, False, {}, [AGENT, CUSTOMER], "support-line"),
        ("4:+18005550199", False, {}, [AGENT, CUSTOMER], None),
        (None, False, {"queue": "sales"}, [AGENT, CUSTOMER], "sales"),
        (SUPPORT, False, {"queue": "sales"}, [AGENT, CUSTOMER], "support-line"),
        (None, True, {}, [AGENT], "video-meetings"),
        (None, False, {"desk": "equities"}, [AGENT], "equities-desk"),
        (SUPPORT, False, {"desk": "equities"}, [AGENT], "equities-desk"),
        (None, False, {"consent": "ask"}, [AGENT, CUSTOMER], "customer-interviews"),
        (SUPPORT, False, {"consent": "ask"}, [AGENT, CUSTOMER], "customer-interviews"),
        (SUPPORT, False, {}, [AGENT, COUNCIL], "works-council"),
        (None, False, {"desk": "equities"}, [COUNCIL], "works-council"),
        (None, False, {}, [AGENT, CUSTOMER], None),
    ],
)
def test_sample_call_falls_under_its_policy(
    *, to: str | None, is_rooms: bool, tags: dict[str, str], people: list[str], expected: str | None
) -> None:
    verdict = decide(*people, to=to, is_rooms=is_rooms, tags=tags)
    assert (verdict.winner and verdict.winner.name) == expected
    assert not verdict.is_undecided


@pytest.mark.parametrize(
    ("name", "content", "channels", "media"),
    [
        ("support-line", Content.AUDIO, Channels.UNMIXED, MediaFormat.WAV),
        ("sales", Content.AUDIO, Channels.MIXED, MediaFormat.MP3),
        ("video-meetings", Content.AUDIO_VIDEO, Channels.MIXED, MediaFormat.MP4),
        ("equities-desk", Content.AUDIO, Channels.MIXED, MediaFormat.WAV),
    ],
)
def test_sample_is_recorded_as_it_says(
    name: str, content: Content, channels: Channels, media: MediaFormat
) -> None:
    policy = compile_policies(load_policies(SAMPLES)).by_name(name)
    assert policy is not None
    assert policy.record is not None
    assert (policy.record.content, policy.record.channels, policy.record.format) == (
        content,
        channels,
        media,
    )


@pytest.mark.parametrize(
    ("raw_id", "is_agent"),
    [(AGENT, True), ("8:acs:9f2c_aa7", True), ("4:+442079460018", True), (CUSTOMER, False)],
)
def test_agents_of_the_support_line_go_to_channel_0(raw_id: str, *, is_agent: bool) -> None:
    policies = compile_policies(load_policies(SAMPLES))
    support = policies.by_name("support-line")
    assert support is not None
    assert support.record is not None
    [assignment] = support.record.assign
    assert assignment.channel == 0
    assert policies.fits(assignment.selectors, Party(raw_id=RawId(raw_id)), {}) is is_agent


def test_every_recording_sample_says_how_long_it_keeps() -> None:
    for policy in load_policies(SAMPLES).policies:
        if policy.decision is not Decision.FORBID:
            assert policy.retention is not None, policy.name
            assert policy.retention.delete_after is not None, policy.name


def test_every_sample_has_a_description_and_the_modeline_of_its_schema() -> None:
    policies = load_policies(SAMPLES)
    assert all(policy.description for policy in policies.policies)
    assert all(group.description for group in policies.groups.values())
    assert all(places.description for places in policies.places.values())
    for path in SAMPLES.rglob("*.yaml"):
        first = path.read_text().splitlines()[0]
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / schema).resolve() == ROOT / "schema" / "policy.schema.json"


def _properties(node: object) -> list[tuple[str, Mapping[str, object]]]:
    found: list[tuple[str, Mapping[str, object]]] = []
    if isinstance(node, dict):
        if (isinstance(node.get("properties"), dict) and "type" in node) or "$defs" in node:
            found += node.get("properties", {}).items()
        for value in node.values():
            found += _properties(value)
    elif isinstance(node, list):
        for value in node:
            found += _properties(value)
    return found


@pytest.mark.parametrize("name", ["policy.schema.json", "settings.schema.json", "plan.schema.json"])
def test_every_property_of_a_schema_is_described(name: str) -> None:
    schema = json.loads((ROOT / "schema" / name).read_text())
    properties = _properties(schema)
    assert len(properties) >= 20
    assert [key for key, value in properties if not value.get("description")] == []


@pytest.mark.parametrize("name", ["policy.schema.json", "settings.schema.json", "plan.schema.json"])
def test_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((ROOT / "schema" / name).read_text()))


@pytest.mark.parametrize("name", ["policy.schema.json", "settings.schema.json"])
def test_no_schema_has_alternatives_that_could_mislead(name: str) -> None:
    text = (ROOT / "schema" / name).read_text()
    assert '"oneOf"' not in text
    assert '"anyOf"' not in text


def test_no_sample_is_a_catch_all() -> None:
    assert decide(AGENT, tags={}).decision is None
    for policy in load_policies(SAMPLES).policies:
        assert list(leaves_of(policy.match)), policy.name

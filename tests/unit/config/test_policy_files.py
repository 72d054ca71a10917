"""Reading trees of policies."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recordingd.config.diagnostics import Diagnostic, Invalid
from recordingd.config.drafts import PolicyContext
from recordingd.config.policy_files import (
    check_policies,
    digest_of,
    load_policies,
    load_texts,
)
from recordingd.domain.consent import ConsentMode, Parties
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.matchers import GroupName, Pattern, Selector, Source
from recordingd.domain.policies import (
    Captured,
    Decision,
    IfAbsent,
    MediaFormat,
    OnFailure,
    RecordingPolicy,
    Until,
    WaitFor,
)
from recordingd.domain.retention import CountFrom

HEAD = "apiVersion: recordingd/v1\nkind: RecordingPolicy\n"
GROUP = "apiVersion: recordingd/v1\nkind: Group\nname: agents\n"


def policy(text: str) -> RecordingPolicy:
    [found] = load_texts({"p.yaml": f"{HEAD}{text}"}).policies
    return found


def codes(*texts: str, context: PolicyContext | None = None) -> list[str]:
    try:
        load_texts({f"p{n}.yaml": text for n, text in enumerate(texts)}, context)
    except Invalid as fault:
        return [d.code for d in fault.diagnostics]
    return []


def write(tree: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tree


MINIMAL = f"{HEAD}name: p\nmatch: {{}}\nrecord: {{}}\n"

EVERYTHING = """\
name: p
description: all of it
priority: -5
match: {tags: {queue: a}}
decision: require
overrides: never
record:
  channels: unmixed
  assign: {1: {role: customer}, 0: [{in: agents}, {phone: "+44*"}]}
  ifAbsent: {wait: 20s}
  archive: {to: vault}
onFailure: continue
purpose: training
until: whileMatched
consent: {mode: explicit, parties: known, timeout: 1m}
retention: {keepAtLeast: 90d, deleteAfter: forever, countFrom: stored}
observe: true
validFrom: 2026-01-01T00:00:00+01:00
validUntil: 2027-01-01T00:00:00Z
---
apiVersion: recordingd/v1
kind: RecordingPolicy
name: never
match: {tags: {queue: b}}
decision: forbid
captured: keep
---
apiVersion: recordingd/v1
kind: Group
name: agents
members: [{id: "8:acs:a"}]
"""


# --- values ---------------------------------------------------------------------------------------


def test_smallest_policy_has_the_documented_defaults() -> None:
    found = policy("name: p\nmatch: {}\nrecord: {}\n")
    assert found.decision is Decision.RECORD
    assert found.priority == 0
    assert found.on_failure is OnFailure.ALERT
    assert found.purpose == "recording"
    assert found.until is Until.CALL_END
    assert found.consent is None
    assert found.retention is None
    assert not found.is_observed
    assert found.record is not None
    assert found.record.format is MediaFormat.WAV
    assert found.record.if_absent is IfAbsent.START_WITHOUT
    assert found.source == Source(file="p.yaml", line=3)


def test_every_field_becomes_its_value() -> None:
    never, found = load_texts({"p.yaml": HEAD + EVERYTHING}).policies
    assert never.captured is Captured.KEEP
    assert (found.name, found.description, found.priority) == ("p", "all of it", -5)
    assert found.decision is Decision.REQUIRE
    assert found.overrides == ("never",)
    assert found.record is not None
    assert [a.channel for a in found.record.assign] == [0, 1]
    assert found.record.assign[0].selectors == (
        Selector(in_groups=(GroupName("agents"),)),
        Selector(phones=(Pattern("+44*"),)),
    )
    assert found.record.if_absent == WaitFor(duration=Duration(seconds=20))
    assert found.record.archive == "vault"
    assert found.on_failure is OnFailure.CONTINUE
    assert found.purpose == "training"
    assert found.until is Until.WHILE_MATCHED
    assert found.consent is not None
    assert found.consent.mode is ConsentMode.EXPLICIT
    assert found.consent.parties is Parties.KNOWN
    assert found.consent.timeout == Duration(seconds=60)
    assert found.retention is not None
    assert found.retention.keep_at_least == Duration(days=90)
    assert found.retention.delete_after is FOREVER
    assert found.retention.count_from is CountFrom.STORED
    assert found.is_observed
    assert found.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert found.valid_until == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("{}", MediaFormat.WAV),
        ("{channels: unmixed}", MediaFormat.WAV),
        ("{content: audioVideo}", MediaFormat.MP4),
        ("{format: mp3}", MediaFormat.MP3),
    ],
)
def test_format_defaults_to_the_first_that_goes_with_the_rest(
    record: str, expected: MediaFormat
) -> None:
    found = policy(f"name: p\nmatch: {{}}\nrecord: {record}\n")
    assert found.record is not None
    assert found.record.format is expected


def test_own_storage_is_its_container() -> None:
    url = "https://contoso.blob.core.windows.net/recordings"
    found = policy(f"name: p\nmatch: {{}}\nrecord: {{storage: {{container: {url}}}}}\n")
    assert found.record is not None
    assert found.record.container == url


# --- trees ----------------------------------------------------------------------------------------


def test_tree_is_read_recursively_without_hidden_and_foreign_files(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        {
            "a.yaml": MINIMAL,
            "deep/er/b.yml": f"{HEAD}name: b\nmatch: {{tags: {{x: y}}}}\nrecord: {{}}\n",
            ".git/c.yaml": "not: ours\n",
            ".hidden.yaml": "not: ours\n",
            "README.md": "not: ours\n",
        },
    )
    policies = load_policies(tree)
    assert [(p.name, str(p.source)) for p in policies.policies] == [
        ("b", "deep/er/b.yml:3"),
        ("p", "a.yaml:3"),
    ]
    assert sorted(policies.texts) == ["a.yaml", "deep/er/b.yml"]


def test_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"..2026/a.yaml": MINIMAL})
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert [p.name for p in load_policies(tmp_path).policies] == ["p"]


def test_names_and_order_of_files_do_not_matter(tmp_path: Path) -> None:
    other = f"{HEAD}name: q\nmatch: {{tags: {{x: y}}}}\nrecord: {{}}\n"
    one = load_texts({"a.yaml": MINIMAL, "b.yaml": other})
    two = load_texts({"b.yaml": other, "a.yaml": MINIMAL})
    assert one == two
    assert one.digest == load_policies(write(tmp_path, {"a.yaml": MINIMAL, "b.yaml": other})).digest


def test_digest_changes_with_text_and_path() -> None:
    digests = {
        digest_of({"a": "x"}),
        digest_of({"a": "y"}),
        digest_of({"b": "x"}),
        digest_of({"a": "x", "b": ""}),
        digest_of({"ax": ""}),
    }
    assert len(digests) == 5


def test_missing_tree_and_device_are_findings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    diagnostics, policies = check_policies(tmp_path)
    assert [d.code for d in diagnostics] == ["file/not-a-file"]
    assert policies is None
    with pytest.raises(Invalid):
        load_policies(tmp_path / "nothing")


def test_tree_without_policies_is_usable_and_warned_of(tmp_path: Path) -> None:
    diagnostics, policies = check_policies(tmp_path)
    assert [d.code for d in diagnostics] == ["file/no-policies"]
    assert policies is not None
    assert policies.policies == ()


def test_faults_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": MINIMAL.replace("record", "rekord"), "b.yaml": "a: [\n"})
    diagnostics, _ = check_policies(tmp_path)
    assert {Path(d.file).name for d in diagnostics} == {"a.yaml", "b.yaml"}


# --- members files --------------------------------------------------------------------------------


def test_members_file_may_lie_outside_the_tree(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "staff.csv": "\ufeff# staff\r\n8:acs:a\r\n\r\n+44*  # London\r\n",
            "tree/sub/g.yaml": f"{GROUP}internal: true\nmembersFile: ../../staff.csv\n",
        },
    )
    policies = load_policies(tmp_path / "tree")
    group = policies.groups[GroupName("agents")]
    assert group.is_internal
    assert group.members == (
        Selector(ids=(Pattern("8:acs:a"),)),
        Selector(phones=(Pattern("+44*"),)),
    )
    assert sorted(policies.texts) == ["../staff.csv", "sub/g.yaml"]
    assert load_texts(policies.texts) == policies


def test_members_file_is_part_of_the_digest(tmp_path: Path) -> None:
    files = {"g.yaml": f"{GROUP}membersFile: m.csv\n", "m.csv": "8:acs:a\n"}
    before = load_policies(write(tmp_path, files)).digest
    (tmp_path / "m.csv").write_text("8:acs:b\n")
    assert load_policies(tmp_path).digest != before


@pytest.mark.parametrize("name", ["/etc/passwd", '"a\\0b"'])
def test_members_file_is_a_relative_path(name: str) -> None:
    assert codes(f"{GROUP}membersFile: {name}\n") == ["members/path"]


def test_stored_texts_without_their_members_file_are_refused() -> None:
    assert codes(f"{GROUP}membersFile: m.csv\n") == ["members/missing"]


# --- between documents ----------------------------------------------------------------------------


def conflict(one: str, other: str, *, rest: str = "record: {}") -> list[str]:
    return codes(
        f"{HEAD}name: a\nmatch: {one}\n{rest}\n", f"{HEAD}name: b\nmatch: {other}\nrecord: {{}}\n"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{tags: {queue: a}}", "{tags: {queue: b}}"),
        ("{tags: {queue: [a, b]}}", "{tags: {queue: [c, d]}}"),
        ('{tags: {queue: "a*"}}', '{tags: {queue: "b*"}}'),
        ('{to: {phone: "+1800*"}}', '{to: {phone: "+18"}}'),
        ("{room: a}", "{room: b}"),
        ("{isRoomsCall: true}", "{isRoomsCall: false}"),
        ("{direction: incoming}", "{direction: outgoing}"),
        ("{tags: {queue: a}}", "{not: {tags: {queue: [a, b]}}}"),
        ('{to: {phone: "+1800*"}}', '{not: {to: {phone: "+18*"}}}'),
        ("{all: [{tags: {queue: a}}]}", "{tags: {queue: b}}"),
        ("{tags: {queue: a, desk: b}}", "{tags: {queue: b, lang: c}}"),
        ("{any: [{tags: {queue: a}}, {tags: {queue: b}}]}", "{tags: {queue: c}}"),
        ('{to: {phone: "+1800*"}}', '{to: {id: "8:acs:x"}}'),
        ('{to: [{phone: "+1800*"}, {id: "8:acs:x"}]}', '{to: {phone: "+1900*"}}'),
    ],
)
def test_policies_that_no_call_can_meet_do_not_conflict(one: str, other: str) -> None:
    assert conflict(one, other) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{tags: {queue: a}}", "{tags: {desk: a}}"),
        ("{tags: {queue: [a, b]}}", "{tags: {queue: [b, c]}}"),
        ('{tags: {queue: "a*"}}', "{tags: {queue: ab}}"),
        ('{to: {phone: "+1800*"}}', '{to: {id: "4:+1800*"}}'),
        ('{to: [{phone: "+1800*"}, {id: "8:acs:x"}]}', '{to: {id: "8:acs:*"}}'),
        ("{participants: {some: {role: a}}}", "{participants: {some: {role: b}}}"),
        ("{any: [{tags: {queue: a}}, {tags: {queue: b}}]}", "{tags: {queue: [b, c]}}"),
        ("{tags: {queue: a}}", "{not: {tags: {queue: b}}}"),
        ('{to: {phone: "+1800*"}}', '{not: {to: {phone: "+18*", role: x}}}'),
    ],
)
def test_equals_that_may_meet_are_an_error(one: str, other: str) -> None:
    assert conflict(one, other) == ["policy/equal-rank"]


@pytest.mark.parametrize(
    "rest",
    [
        "record: {}\npriority: 1",
        "record: {}\nobserve: true",
        "decision: require\nrecord: {}",
        "record: {}\nvalidUntil: 2026-01-01T00:00:00Z",
    ],
)
def test_difference_in_rank_or_time_is_no_conflict(rest: str) -> None:
    later = "record: {}\nvalidFrom: 2026-01-01T00:00:00Z"
    other = f"{HEAD}name: b\nmatch: {{tags: {{desk: a}}}}\n{later}\n"
    assert codes(f"{HEAD}name: a\nmatch: {{tags: {{queue: a}}}}\n{rest}\n", other) == []


def test_two_skips_that_meet_do_not_contradict() -> None:
    texts = [f"{HEAD}name: {n}\nmatch: {{tags: {{{n}: x}}}}\ndecision: skip\n" for n in "ab"]
    assert codes(*texts) == []


def test_overridden_forbid_is_not_warned_of(tmp_path: Path) -> None:
    require = "decision: require\nrecord: {}\noverrides: [b]"
    write(
        tmp_path,
        {
            "a.yaml": f"{HEAD}name: a\nmatch: {{tags: {{x: y}}}}\n{require}\n",
            "b.yaml": f"{HEAD}name: b\nmatch: {{}}\ndecision: forbid\ncaptured: keep\n",
        },
    )
    diagnostics, policies = check_policies(tmp_path)
    assert diagnostics == ()
    assert policies is not None


def test_reference_to_a_faulty_group_is_not_reported_as_well() -> None:
    broken = f"{GROUP}membrs: []\n"
    user = f"{HEAD}name: p\nmatch: {{participants: {{some: {{in: agents}}}}}}\nrecord: {{}}\n"
    assert codes(broken, user) == ["schema/unknown-field"]


def test_unknown_group_is_found_beside_another_fault_of_the_document() -> None:
    faulty = f"{HEAD}name: p\nmatch: {{participants: {{some: {{in: nobody}}}}}}\nrecord: {{x: 1}}\n"
    assert codes(faulty) == ["policy/unknown-group", "schema/unknown-field"]


def test_tag_may_be_called_like_a_selector_field() -> None:
    assert codes(f"{HEAD}name: p\nmatch: {{tags: {{in: nobody}}}}\nrecord: {{}}\n") == []


@pytest.mark.parametrize(
    ("now", "is_expired"),
    [("00:59:59", False), ("01:00:00", True), ("01:00:01", True)],
)
def test_policy_expires_at_its_end(now: str, *, is_expired: bool) -> None:
    text = f"{MINIMAL}validUntil: 2026-01-01T01:00:00Z\n"
    context = PolicyContext(now=datetime.fromisoformat(f"2026-01-01T{now}+00:00"))
    diagnostics = _warnings(text, context)
    assert ([d.code for d in diagnostics] == ["policy/expired"]) is is_expired


def _warnings(text: str, context: PolicyContext) -> tuple[Diagnostic, ...]:
    broken = "apiVersion: recordingd/v1\nkind: Group\nname: G\nmembers: []\n"
    with pytest.raises(Invalid) as caught:
        load_texts({"p.yaml": text, "z.yaml": broken}, context)
    return tuple(d for d in caught.value.diagnostics if not d.is_error)

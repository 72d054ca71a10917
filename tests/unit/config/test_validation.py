"""What `validate` looks at."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from recordingd.config.validation import ValidationReport, validate_paths

SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: observe
acs: {connectionString: {env: ACS}}
policies: policies
ingress: {webhook: {secrets: [{env: KEY}]}}
signals: {reporters: [{name: app, secret: {env: APP}}]}
"""
POLICY = "apiVersion: recordingd/v1\nkind: RecordingPolicy\n"
GOOD = f"{POLICY}name: good\nmatch: {{tags: {{a: b}}}}\nrecord: {{}}\n"
IN_A_GROUP = f"{POLICY}name: g\nmatch: {{participants: {{some: {{in: agents}}}}}}\nrecord: {{}}\n"
GROUP = 'apiVersion: recordingd/v1\nkind: Group\nname: agents\nmembers: [{id: "8:acs:a"}]\n'
BYOS = (
    f"{POLICY}name: byos\nmatch: {{tags: {{c: d}}}}\n"
    "record: {storage: {container: https://a.blob.core.windows.net/b}}\n"
)


def write(tree: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tree / name.replace("__", "/")
        path = path.with_name(f"{path.name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tree


def codes(report: ValidationReport) -> list[str]:
    return [d.code for d in report.diagnostics]


def test_settings_bring_their_policies_with_them(tmp_path: Path) -> None:
    write(tmp_path, recordingd=SETTINGS, policies__good=GOOD, policies__bad="a: [\n")
    report = validate_paths([tmp_path / "recordingd.yaml"], environ={})
    assert codes(report) == ["yaml/syntax"]
    assert [Path(f).name for f in report.files] == ["recordingd.yaml", "bad.yaml", "good.yaml"]
    assert not report.is_valid


def test_folder_with_settings_is_checked_like_its_settings(tmp_path: Path) -> None:
    write(tmp_path, recordingd=SETTINGS, policies__good=GOOD)
    report = validate_paths([tmp_path], environ={})
    assert report.is_valid
    assert len(report.files) == 2


def test_without_paths_the_configured_settings_are_checked(tmp_path: Path) -> None:
    write(tmp_path, recordingd=SETTINGS)
    report = validate_paths([], config=tmp_path / "recordingd.yaml", environ={})
    assert codes(report) == ["file/missing"]


def test_missing_path_is_a_finding(tmp_path: Path) -> None:
    assert codes(validate_paths([tmp_path / "nothing"])) == ["file/missing"]


def test_tree_is_checked_against_the_settings_above_it(tmp_path: Path) -> None:
    stores = f"{SETTINGS}stores: {{main: {{path: archive}}}}\n"
    write(tmp_path, recordingd=stores, policies__byos=BYOS)
    report = validate_paths([tmp_path / "policies"], environ={})
    assert codes(report) == ["policy/container-not-a-store"]


def test_settings_that_name_no_stores_allow_any_container(tmp_path: Path) -> None:
    write(tmp_path, recordingd=SETTINGS, policies__byos=BYOS)
    assert validate_paths([tmp_path / "policies"], environ={}).is_valid


def test_single_file_sees_the_groups_around_it(tmp_path: Path) -> None:
    write(tmp_path, policy=IN_A_GROUP, groups=GROUP)
    report = validate_paths([tmp_path / "policy.yaml"])
    assert report.diagnostics == ()
    assert [Path(f).name for f in report.files] == ["policy.yaml"]


def test_faults_of_files_around_a_single_file_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, policy=GOOD, broken="a: [\n")
    assert validate_paths([tmp_path / "policy.yaml"]).is_valid
    assert not validate_paths([tmp_path / "broken.yaml"]).is_valid


def test_conflict_with_a_file_around_a_single_file_is_reported(tmp_path: Path) -> None:
    write(tmp_path, a=GOOD, z=GOOD.replace("good", "zz").replace("a: b", "x: y"))
    for name in ("a.yaml", "z.yaml"):
        assert codes(validate_paths([tmp_path / name])) == ["policy/equal-rank"]


def test_file_that_is_neither_settings_nor_policy_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# hello\n")
    assert codes(validate_paths([tmp_path / "README.md"])) == ["file/not-policies"]


def test_settings_are_known_by_their_kind(tmp_path: Path) -> None:
    (tmp_path / "uk.conf").write_text(SETTINGS)
    (tmp_path / "policies").mkdir()
    report = validate_paths([tmp_path / "uk.conf"], environ={})
    assert codes(report) == ["file/no-policies"]
    assert report.is_valid


def test_ceiling_of_the_settings_bounds_the_floors(tmp_path: Path) -> None:
    kept = f"{GOOD}retention: {{keepAtLeast: 5y}}\n"
    write(tmp_path, recordingd=f"{SETTINGS}ceiling: 1y\n", policies__kept=kept)
    assert codes(validate_paths([tmp_path], environ={})) == ["policy/floor-above-ceiling"]


def test_immutability_of_the_stores_bounds_the_deletions(tmp_path: Path) -> None:
    worm = "{container: https://a.blob.core.windows.net/b, immutable: {atLeast: 5y}}"
    stores = f"{SETTINGS}archive: worm\nstores: {{worm: {worm}}}\n"
    kept = f"{GOOD}retention: {{deleteAfter: 1y}}\n"
    write(tmp_path, recordingd=stores, policies__kept=kept)
    report = validate_paths([tmp_path], environ={})
    assert codes(report) == ["policy/delete-before-immutability"]
    assert report.is_valid


def test_consent_rule_that_the_settings_require_is_missed(tmp_path: Path) -> None:
    write(tmp_path, recordingd=f"{SETTINGS}requireConsentRule: true\n", policies__good=GOOD)
    report = validate_paths([tmp_path], environ={})
    assert codes(report) == ["policy/no-consent-rule"]
    assert report.is_valid


def test_ways_in_that_are_missing_are_noted_and_nothing_more(tmp_path: Path) -> None:
    bare = SETTINGS.partition("ingress:")[0]
    write(tmp_path, recordingd=bare, policies__good=GOOD)
    report = validate_paths([tmp_path], environ={})
    assert codes(report) == ["policy/needs-signals"]
    assert report.is_valid


def test_tags_of_incoming_calls_are_a_way_in(tmp_path: Path) -> None:
    mapped = f"{SETTINGS.partition('signals:')[0]}tags: {{fromContext: {{a: X-A}}}}\n"
    write(tmp_path, recordingd=mapped, policies__good=GOOD)
    assert validate_paths([tmp_path], environ={}).diagnostics == ()


def test_expired_policy_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, policy=f"{GOOD}validUntil: 2026-01-01T00:00:00Z\n")
    report = validate_paths([tmp_path], now=datetime(2026, 1, 1, tzinfo=UTC))
    assert codes(report) == ["policy/expired"]
    assert report.is_valid


def test_report_as_json_has_the_names_of_the_interface(tmp_path: Path) -> None:
    write(tmp_path, broken="a: [\n")
    report = json.loads(json.dumps(validate_paths([tmp_path]).as_json()))
    assert set(report) == {"valid", "files", "diagnostics"}
    assert report["valid"] is False
    assert set(report["diagnostics"][0]) == {
        *("file", "line", "column", "endLine", "endColumn"),
        *("severity", "code", "message", "help", "related"),
    }

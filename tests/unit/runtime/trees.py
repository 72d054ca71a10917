"""Policy trees on disk with settings beside them, and the documents that tests put into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from recordingd.config.settings import Settings, load_settings

POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: {name}
match: {{}}
record: {{content: audio, channels: mixed, format: wav}}
retention: {{deleteAfter: 1y}}
"""
FORBID = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: works-council
match: {tags: {queue: council}}
decision: forbid
captured: delete
"""
CONSENT = """\
apiVersion: recordingd/v1
kind: ConsentRule
name: ask-everybody
match: {tags: {queue: asked}}
mode: explicit
"""
LOCKED = """\
apiVersion: recordingd/v1
kind: RetentionRule
name: mifid-ii
match: {{tags: {{desk: equities}}}}
keepAtLeast: {floor}
deleteAfter: 7y
locked: true
"""
HOLD = """\
apiVersion: recordingd/v1
kind: LegalHold
name: case-4711
match: {tags: {case: "4711"}}
reason: Subpoena
owner: legal@contoso.example
allowEmpty: true
"""
RELEASED = 'released: {at: "2026-01-01T00:00:00Z", by: legal, reason: "Case closed"}\n'
SETTINGS = """\
apiVersion: recordingd/v1
kind: Settings
mode: enforce
acs: {connectionString: {env: ACS}}
policies: policies
ceiling: 10y
"""


def write_tree(settings: Settings, files: Mapping[str, str]) -> None:
    """Replace the policy files."""
    settings.policies.mkdir(exist_ok=True)
    for old in settings.policies.iterdir():
        old.unlink()
    for name, text in files.items():
        (settings.policies / name).write_text(text)


def make_settings(folder: Path) -> Settings:
    """Make settings beside a tree of one policy that records everything."""
    path = folder / "recordingd.yaml"
    path.write_text(SETTINGS)
    settings = load_settings(path)
    write_tree(settings, {"all.yaml": POLICY.format(name="everything")})
    return settings

"""The policies that scenarios are played under: one number to dial for each kind of recording.

Short rules of their own, so that a scenario does not change with the samples that people copy.
"""

from __future__ import annotations

MIXED_LINE = "+18005550201"
UNMIXED_LINE = "+18005550202"
CONSENT_LINE = "+18005550203"
BRIEF_LINE = "+18005550204"
FLOOR_LINE = "+18005550205"
MP3_LINE = "+18005550206"
UNRECORDED_LINE = "+18005550299"

_GROUP = """\
apiVersion: recordingd/v1
kind: Group
name: agents
internal: true
members: [{id: "8:acs:agent-*"}]
"""
_POLICY = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: %s
match: %s
%s
"""
_KEPT = "retention: {keepAtLeast: 90d, deleteAfter: 2y}"


def policy(name: str, match: str, *lines: str) -> str:
    """Write one policy document; `lines` are further fields in YAML."""
    return _POLICY % (name, match, "\n".join(lines))


def line(name: str, number: str, *lines: str) -> str:
    """Write a policy for the calls to one number."""
    return policy(name, f'{{to: {{phone: "{number}"}}}}', *lines)


POLICIES = {
    "groups.yaml": _GROUP,
    "mixed.yaml": line("mixed-line", MIXED_LINE, "record: {channels: mixed, format: wav}", _KEPT),
    "unmixed.yaml": line(
        "unmixed-line",
        UNMIXED_LINE,
        "record: {channels: unmixed, format: wav, assign: {0: {in: [agents]}},"
        " ifAbsent: {wait: 10s}}",
        _KEPT,
    ),
    "consent.yaml": line(
        "consent-line",
        CONSENT_LINE,
        "record: {channels: mixed, format: wav}",
        "consent: {mode: explicit, parties: all, timeout: 30s}",
        _KEPT,
    ),
    "brief.yaml": line(
        "brief-line",
        BRIEF_LINE,
        "record: {channels: mixed, format: wav}",
        "retention: {deleteAfter: 1s}",
    ),
    "floor.yaml": line(
        "floor-line",
        FLOOR_LINE,
        "record: {channels: mixed, format: wav}",
        "retention: {keepAtLeast: 1h, deleteAfter: 2h}",
    ),
    "mp3.yaml": line("mp3-line", MP3_LINE, "record: {channels: mixed, format: mp3}", _KEPT),
    "while-labelled.yaml": policy(
        "while-labelled",
        "{tags: {queue: labelled}}",
        "record: {channels: mixed, format: wav}",
        "until: whileMatched",
        _KEPT,
    ),
}

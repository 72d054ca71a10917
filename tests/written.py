"""Rules as they are written in files, read one by one: for tests of what they say of each other.

A tree with policies that contradict each other is refused as a whole; read alone, each of them is a
value like any other.
"""

from __future__ import annotations

from dataclasses import replace

from recordingd.config.policy_files import load_texts
from recordingd.domain.consent import ConsentRule
from recordingd.domain.matchers import Condition
from recordingd.domain.policies import PolicyName, PolicySet, RecordingPolicy
from recordingd.domain.retention import RetentionRule
from recordingd.planning.selectors import Groups

HEAD = "apiVersion: recordingd/v1\nkind: "
GROUPS = """\
apiVersion: recordingd/v1
kind: Group
name: agents
members: [{id: "8:acs:agent-*"}, {phone: "+4420*"}, {id: "8:acs:lead", role: agent}]
---
apiVersion: recordingd/v1
kind: Group
name: council
members: [{id: "8:acs:c1"}, {id: "8:acs:c2"}]
"""


def read(kind: str, name: str, match: str, **fields: str) -> PolicySet:
    """Read one document beside the groups above."""
    lines = "".join(f"{key}: {value}\n" for key, value in fields.items())
    text = f"{HEAD}{kind}\nname: {name}\nmatch: {match}\n{lines}"
    return load_texts({"groups.yaml": GROUPS, "p.yaml": text})


def groups() -> Groups:
    return Groups(load_texts({"groups.yaml": GROUPS}).groups)


def read_policy(name: str, match: str, decision: str = "record", **fields: str) -> RecordingPolicy:
    """Read a policy; what it overrides is not looked for."""
    overrides = fields.pop("overrides", "")
    if decision in {"record", "require"}:
        fields.setdefault("record", "{}")
    if decision == "forbid":
        fields.setdefault("captured", "delete")
    [policy] = read("RecordingPolicy", name, match, decision=decision, **fields).policies
    return replace(policy, overrides=tuple(map(PolicyName, overrides.split())))


def read_matcher(match: str) -> Condition:
    return read_policy("p", match).match


def read_consent_rule(name: str, match: str, **fields: str) -> ConsentRule:
    [rule] = read("ConsentRule", name, match, mode="explicit", **fields).consent_rules
    return rule


def read_retention_rule(name: str, match: str, **fields: str) -> RetentionRule:
    fields.setdefault("deleteAfter", "90d")
    [rule] = read("RetentionRule", name, match, **fields).retention_rules
    return rule

"""Rules as fields in the words of the language, with every default filled in."""

from __future__ import annotations

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.planning.documents import RuleKind, fields_of, rules_of

TREE = """\
apiVersion: recordingd/v1
kind: RecordingPolicy
name: it
match: {any: [{to: {phone: "+1800*"}}, {tags: {queue: [a, b]}}]}
record:
  content: audio
  channels: unmixed
  assign: {0: {in: [agents]}}
  ifAbsent: {wait: 20s}
  rotateEvery: 8h
consent: {mode: explicit, outcomes: {denied: endCall, withdrawn: {live: stop}}}
retention: {keepAtLeast: 90d}
validFrom: 2026-01-01T00:00:00+01:00
---
apiVersion: recordingd/v1
kind: ConsentRule
name: it
match: {}
mode: explicit
parties: {in: [agents]}
satisfiedBy: [priorOnFile, live]
ask:
  by: daemon
  prompts: {en: en.wav}
  language: {tag: lang, default: en}
  accept: {dtmf: "1"}
  reject: {dtmf: "2"}
evidence: {keep: 7y}
---
apiVersion: recordingd/v1
kind: PauseRule
name: it
match: {}
trigger: {signal: pauseRequested, tags: {payment: [active, open]}}
alarmAfter: 10m
---
apiVersion: recordingd/v1
kind: RetentionRule
name: it
match: {}
deleteAfter: forever
countFrom: event:contractEnd
locked: true
description: words
---
apiVersion: recordingd/v1
kind: LegalHold
name: it
match: {participants: {some: {in: [agents]}}}
reason: why
owner: me
reviewBy: 2027-01-01
released: {at: 2027-03-01T09:00:00Z, by: me, reason: closed}
---
apiVersion: recordingd/v1
kind: Group
name: agents
internal: true
members: [{id: x}]
---
apiVersion: recordingd/v1
kind: Places
name: it
places: [US-WA, US-CA]
source: "https://example.com"
reviewedOn: 2026-11-01
confidence: medium
"""
UNBOUNDED = {"match": "every call", "observe": "false"}
FIELDS = {
    RuleKind.RECORDING_POLICY: {
        "decision": "record",
        "priority": "0",
        "match.any[0].to": "phone +1800*",
        "match.any[1].tags.queue": "queue is a or b",
        "observe": "false",
        "validFrom": "2025-12-31T23:00:00Z",
        "record.content": "audio",
        "record.channels": "unmixed",
        "record.format": "wav",
        "record.assign.0": "in agents",
        "record.ifAbsent.wait": "20s",
        "record.rotateEvery": "8h",
        "onFailure": "alert",
        "purpose": "recording",
        "until": "callEnd",
        "consent.mode": "explicit",
        "consent.outcomes.denied": "endCall",
        "consent.outcomes.withdrawn.live": "stop",
        "retention.keepAtLeast": "90d",
        "retention.countFrom": "callEnd",
        "retention.basis": "businessNeed",
        "retention.decideAfter": "24h",
    },
    RuleKind.CONSENT_RULE: {
        **UNBOUNDED,
        "mode": "explicit",
        "parties": "in agents",
        "satisfiedBy": "live, priorOnFile",
        "ask.by": "daemon",
        "ask.prompts.en": "en.wav",
        "ask.language.tag": "lang",
        "ask.language.default": "en",
        "ask.accept.dtmf": "1",
        "ask.reject.dtmf": "2",
        "evidence.keep": "7y",
        "purpose": "recording",
    },
    RuleKind.PAUSE_RULE: {
        **UNBOUNDED,
        "trigger.signal": "pauseRequested",
        "trigger.tags.payment": "active or open",
        "autoResume": "never",
        "alarmAfter": "10m",
    },
    RuleKind.RETENTION_RULE: {
        **UNBOUNDED,
        "priority": "0",
        "deleteAfter": "forever",
        "countFrom": "event:contractEnd",
        "basis": "businessNeed",
        "decideAfter": "24h",
        "locked": "true",
        "description": "words",
    },
    RuleKind.LEGAL_HOLD: {
        "match.participants.some": "some of in agents",
        "reason": "why",
        "owner": "me",
        "reviewBy": "2027-01-01",
        "allowEmpty": "false",
        "released.at": "2027-03-01T09:00:00Z",
        "released.by": "me",
        "released.reason": "closed",
    },
    RuleKind.GROUP: {"internal": "true"},
    RuleKind.PLACES: {
        "places": "US-CA, US-WA",
        "source": "https://example.com",
        "reviewedOn": "2026-11-01",
        "confidence": "medium",
    },
}


@pytest.mark.parametrize("kind", list(RuleKind))
def test_rule_is_told_by_dotted_paths(kind: RuleKind) -> None:
    rules = rules_of(load_texts({"p.yaml": TREE}))
    (rule,) = (rule for (its_kind, _), rule in rules.items() if its_kind is kind)
    assert fields_of(rule) == FIELDS[kind]


def test_rules_come_in_the_order_of_their_kinds() -> None:
    assert [kind for kind, _ in rules_of(load_texts({"p.yaml": TREE}))] == list(RuleKind)

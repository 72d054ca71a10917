"""What a change of one rule can do, told from two versions of its document."""

from __future__ import annotations

import pytest

from recordingd.config.policy_files import load_texts
from recordingd.domain.policies import PolicySet
from recordingd.planning.differences import differences

HEAD = "apiVersion: recordingd/v1\nkind: {kind}\nname: it\n"
RECORD = "record: {content: audio, channels: mixed, format: wav}\n"
NOTHING: tuple[str, ...] = ()


def policy(text: str = "match: {}\n", record: str = RECORD) -> str:
    return HEAD.format(kind="RecordingPolicy") + text + record


def consent(text: str) -> str:
    return HEAD.format(kind="ConsentRule") + text


def pause(text: str) -> str:
    return HEAD.format(kind="PauseRule") + text


def retention(text: str) -> str:
    return HEAD.format(kind="RetentionRule") + text


def hold(text: str) -> str:
    return f"{HEAD.format(kind='LegalHold')}reason: why\nowner: me\n{text}"


# Something that never changes, so that a tree without the rule is a tree all the same.
OTHER = HEAD.format(kind="Group").replace("it", "other") + "members: [{id: x}]\n"
ALL, SALES = "match: {}\n", "match: {tags: {queue: sales}}\n"
SKIP, FORBID = "decision: skip\n", "decision: forbid\ncaptured: keep\n"
ASK = "match: {}\nmode: explicit\n"
ON_SIGNAL = "match: {}\ntrigger: {signal: pauseRequested}\n"
RELEASED = "released: {at: 2027-03-01T09:00:00Z, by: me, reason: closed}\n"
SOMEBODY = "match: {participants: {some: {id: x}}}\n"


def tree(document: str | None) -> PolicySet:
    return load_texts({"p.yaml": OTHER if document is None else f"{OTHER}---\n{document}"})


def effects(before: str | None, after: str | None) -> tuple[str, ...]:
    found = differences(tree(before), tree(after))
    assert len(found) == 1
    return tuple(one.value for one in found[0].consequences)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, policy(), ("recordsMore",)),
        (policy(), None, ("recordsLess",)),
        (None, policy(SKIP + ALL, ""), ("recordsLess",)),
        (policy(SKIP + ALL, ""), None, ("recordsMore",)),
        (None, policy("observe: true\n" + ALL), NOTHING),
        (policy("observe: true\n" + ALL), policy(), ("recordsMore",)),
        (policy(), policy("observe: true\n" + ALL), ("recordsLess",)),
        (policy(SALES), policy(), ("recordsMore",)),
        (policy(), policy(SALES), ("recordsLess",)),
        (policy(SKIP + SALES, ""), policy(SKIP + ALL, ""), ("recordsLess",)),
        (policy(SALES), policy(SALES.replace("queue", "desk")), ("recordsMore", "recordsLess")),
        (policy(), policy("decision: require\n" + ALL), ("recordsMore",)),
        (policy(), policy("validUntil: 2026-01-01T00:00:00Z\n" + ALL), ("recordsLess",)),
        (policy(), policy("priority: 9\n" + ALL), ("recordsMore",)),
        (policy(SKIP + ALL, ""), policy(SKIP + "priority: 9\n" + ALL, ""), ("recordsLess",)),
        (policy(FORBID + ALL, ""), policy(FORBID + "priority: 9\n" + ALL, ""), NOTHING),
        (policy(), policy(ALL, RECORD.replace("wav", "mp3")), ("recordsDifferently",)),
        (policy(), policy("until: whileMatched\n" + ALL), ("recordsLess",)),
        (policy(), policy("onFailure: continue\n" + ALL), NOTHING),
        (policy(), policy("description: new words\n" + ALL), NOTHING),
        (
            policy(FORBID + ALL, ""),
            policy(FORBID.replace("keep", "delete") + ALL, ""),
            ("keepsShorter",),
        ),
        (policy(), policy("consent: {mode: explicit}\n" + ALL), ("consentStricter",)),
        (policy(), policy("retention: {keepAtLeast: 5y}\n" + ALL), ("keepsLonger",)),
    ],
)
def test_change_of_a_policy(before: str | None, after: str | None, expected: object) -> None:
    assert effects(before, after) == expected


def test_override_of_a_forbid_records_more() -> None:
    forbid = policy(FORBID + ALL, "").replace("name: it", "name: never")
    require = policy("decision: require\n" + ALL)
    before = load_texts({"p.yaml": f"{forbid}---\n{require}"})
    after = load_texts({"p.yaml": f"{forbid}---\n{require}overrides: [never]\n"})
    (found,) = differences(before, after)
    assert [one.value for one in found.consequences] == ["recordsMore"]
    (found,) = differences(after, before)
    assert [one.value for one in found.consequences] == ["recordsLess"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, "keepAtLeast: 5y\n", ("keepsLonger",)),
        (None, "deleteAfter: 5y\n", ("keepsShorter",)),
        (None, "deleteAfter: forever\n", ("keepsLonger",)),
        (None, "keepAtLeast: 5y\ndeleteAfter: 7y\n", ("keepsLonger", "keepsShorter")),
        ("keepAtLeast: 5y\n", None, ("keepsShorter",)),
        ("keepAtLeast: 5y\n", "keepAtLeast: 6y\n", ("keepsLonger",)),
        ("keepAtLeast: 5y\n", "keepAtLeast: 4y\n", ("keepsShorter",)),
        ("deleteAfter: 5y\n", "deleteAfter: 4y\n", ("keepsShorter",)),
        ("deleteAfter: 5y\n", "deleteAfter: forever\n", ("keepsLonger",)),
        ("keepAtLeast: 5y\n", "keepAtLeast: 5y\ndeleteAfter: 7y\n", ("keepsShorter",)),
        ("keepAtLeast: 5y\n", "keepAtLeast: 5y\nbasis: legalObligation\n", ("keepsLonger",)),
        (
            "deleteAfter: 5y\n",
            "deleteAfter: 5y\ncountFrom: stored\n",
            ("keepsLonger", "keepsShorter"),
        ),
        ("deleteAfter: 5y\n", "deleteAfter: 5y\npriority: 9\n", ("keepsLonger", "keepsShorter")),
        ("keepAtLeast: 5y\n", "keepAtLeast: 5y\npriority: 9\n", NOTHING),
        ("keepAtLeast: 5y\n", "keepAtLeast: 5y\nlocked: true\n", ("lockAdded",)),
        ("keepAtLeast: 5y\nlocked: true\n", "keepAtLeast: 5y\n", ("lockRemoved",)),
        ("keepAtLeast: 5y\nlocked: true\n", None, ("keepsShorter", "lockRemoved")),
        ("deleteAfter: 5y\n", "deleteAfter: 5y\nobserve: true\n", ("keepsLonger",)),
        ("keepAtLeast: 5y\n", "keepAtLeast: 5y\nobserve: true\n", NOTHING),
    ],
)
def test_change_of_a_retention_rule(
    before: str | None, after: str | None, expected: object
) -> None:
    documents = [None if text is None else retention(ALL + text) for text in (before, after)]
    assert effects(*documents) == expected


@pytest.mark.parametrize(
    ("body", "wider"),
    [("keepAtLeast: 5y\n", ("keepsLonger",)), ("deleteAfter: 5y\n", ("keepsShorter",))],
)
def test_wider_retention_rule_does_to_more_what_it_does(body: str, wider: tuple[str, ...]) -> None:
    assert effects(retention(SALES + body), retention(ALL + body)) == wider


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, ASK, ("consentStricter",)),
        (ASK, None, ("consentLooser",)),
        (None, "match: {}\nmode: none\n", NOTHING),
        ("match: {}\nmode: notice\n", ASK, ("consentStricter",)),
        (ASK, "match: {}\nmode: none\n", ("consentLooser",)),
        (SALES + "mode: explicit\n", ASK, ("consentStricter",)),
        (ASK, ASK + "timeout: 10s\n", ("consentStricter",)),
        (ASK, ASK + "timeout: 30s\n", NOTHING),
        (ASK, ASK + "timeout: 1m\n", ("consentLooser",)),
        (ASK, ASK + "parties: known\n", ("consentLooser",)),
        (ASK + "parties: external\n", ASK + "parties: known\n", ("consentStricter",)),
        (ASK, ASK + "parties: {id: x}\n", ("consentLooser",)),
        (ASK + "parties: {id: x}\n", ASK + "parties: [{id: x}, {id: y}]\n", ("consentStricter",)),
        (ASK, ASK + "satisfiedBy: [live]\n", ("consentStricter",)),
        (ASK, ASK + "beforeDecision: notStarted\n", ("consentStricter",)),
        (ASK, ASK + "outcomes: {denied: endCall}\n", ("consentStricter",)),
        (ASK, ASK + "outcomes: {denied: continueUnrecorded}\n", ("consentLooser",)),
        (ASK, ASK + "outcomes: {lateJoin: noticeOnly}\n", ("consentLooser",)),
        (ASK, ASK + "evidence: {keep: 8y}\n", ("consentStricter",)),
        (ASK, ASK + "purpose: training\n", ("consentStricter", "consentLooser")),
        (ASK, ASK + "observe: true\n", ("consentLooser",)),
    ],
)
def test_change_of_a_consent_rule(before: str | None, after: str | None, expected: object) -> None:
    documents = [None if text is None else consent(text) for text in (before, after)]
    assert effects(*documents) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, ON_SIGNAL, ("pausesMore",)),
        (ON_SIGNAL, None, ("pausesLess",)),
        (ON_SIGNAL, ON_SIGNAL + "autoResume: 3m\n", ("pausesLess",)),
        (ON_SIGNAL + "autoResume: 3m\n", ON_SIGNAL + "autoResume: 5m\n", ("pausesMore",)),
        (ON_SIGNAL, ON_SIGNAL + "alarmAfter: 5m\n", NOTHING),
        (
            ON_SIGNAL,
            ON_SIGNAL.replace("pauseRequested}", "pauseRequested, tags: {pay: active}}"),
            ("pausesMore",),
        ),
    ],
)
def test_change_of_a_pause_rule(before: str | None, after: str | None, expected: object) -> None:
    documents = [None if text is None else pause(text) for text in (before, after)]
    assert effects(*documents) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, SOMEBODY, ("holdAdded",)),
        (SOMEBODY, None, ("holdRemoved",)),
        (SOMEBODY, SOMEBODY + RELEASED, ("holdReleased",)),
        (SOMEBODY + RELEASED, SOMEBODY, ("holdAdded",)),
        (SOMEBODY + RELEASED, None, NOTHING),
        (None, SOMEBODY + RELEASED, ("holdReleased",)),
        (SOMEBODY, SOMEBODY.replace("{id: x}", "[{id: x}, {id: y}]"), ("holdsMore",)),
        (SOMEBODY.replace("{id: x}", "[{id: x}, {id: y}]"), SOMEBODY, ("holdsLess",)),
        (SOMEBODY, SOMEBODY + "reviewBy: 2027-01-01\n", NOTHING),
    ],
)
def test_change_of_a_hold(before: str | None, after: str | None, expected: object) -> None:
    documents = [None if text is None else hold(text) for text in (before, after)]
    assert effects(*documents) == expected

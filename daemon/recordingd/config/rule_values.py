"""Groups, places, pauses and holds as values of `domain`.

Called by `config.policy_files` with data that passed the schema, or with what was left of it: every
field may be missing. Faults that one document has by itself, across its fields, are found here.
"""

from __future__ import annotations

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.everything import means_every_call
from recordingd.config.heads import source_of, validity
from recordingd.config.matchers import MatchReader, read_patterns, read_selector
from recordingd.config.rule_scalars import parse_place_code
from recordingd.config.strict_yaml import Document, Plain
from recordingd.domain.durations import Duration, parse_finite_duration
from recordingd.domain.holds import LegalHold, Released
from recordingd.domain.matchers import GroupName, PlaceName, RuleName, Selector
from recordingd.domain.pauses import PauseRule, PauseTrigger
from recordingd.domain.places import UNKNOWN_PLACE, Confidence, Places
from recordingd.domain.policies import Group


def read_group(document: Document, data: Plain, from_file: tuple[Selector, ...]) -> Group:
    """Build a group from its document and the entries of its members file."""
    return Group(
        name=GroupName(data["name"]),
        source=source_of(document),
        description=data.get("description"),
        is_internal=data.get("internal", False),
        members=(*(read_selector(m) for m in data.get("members", ())), *from_file),
    )


def read_places(document: Document, data: Plain, findings: Findings) -> Places:
    """Build a set of places from its document."""
    name = PlaceName(data["name"])
    if str(name) == UNKNOWN_PLACE:
        findings.error(
            document.at("name"),
            "policy/reserved-name",
            "'unknown' is where a number tells no place, and cannot be the name of a set",
        )
    reviewed_on, confidence = data.get("reviewedOn"), data.get("confidence")
    return Places(
        name=name,
        source=source_of(document),
        codes=frozenset(parse_place_code(code) for code in data.get("places", ())),
        reference=data.get("source"),
        reviewed_on=None if reviewed_on is None else scalars.parse_local_date(reviewed_on),
        confidence=None if confidence is None else Confidence(confidence),
        description=data.get("description"),
    )


def read_pause_rule(document: Document, data: Plain, findings: Findings) -> PauseRule:
    """Build a pause rule from its document."""
    name, trigger = RuleName(data["name"]), data.get("trigger", {})
    valid_from, valid_until = validity(document, data, findings)
    return PauseRule(
        name=name,
        source=source_of(document),
        match=MatchReader(document, salt=name).read(data.get("match", {})),
        trigger=PauseTrigger(
            on_signal="signal" in trigger,
            tags={tag: read_patterns(value) for tag, value in trigger.get("tags", {}).items()},
        ),
        auto_resume=_span(data.get("autoResume")),
        alarm_after=_span(data.get("alarmAfter")),
        description=data.get("description"),
        is_observed=data.get("observe", False),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _span(text: str | None) -> Duration | None:
    return None if text is None else parse_finite_duration(text)


def read_hold(document: Document, data: Plain, findings: Findings) -> LegalHold:
    """Build a legal hold from its document."""
    name, review_by = RuleName(data["name"]), data.get("reviewBy")
    match = MatchReader(document, salt=name).read(data.get("match", {}))
    is_as_written = "match" in data and data["match"] == document.data["match"]
    if is_as_written and means_every_call(match):
        findings.error(
            document.key_at("match"),
            "policy/hold-on-everything",
            "this matches every call: a hold on everything is refused",
            hint="say whose calls, which calls, or which time the hold is about",
        )
    return LegalHold(
        name=name,
        source=source_of(document),
        match=match,
        reason=data.get("reason", ""),
        owner=data.get("owner", ""),
        review_by=None if review_by is None else scalars.parse_local_date(review_by),
        released=_released(data.get("released", {})),
        allows_empty=data.get("allowEmpty", False),
        description=data.get("description"),
    )


def _released(data: Plain) -> Released | None:
    # What lacks one of these is refused already, and releases nothing.
    if not {"at", "by", "reason"} <= data.keys():
        return None
    return Released(at=scalars.parse_moment(data["at"]), by=data["by"], reason=data["reason"])

"""Retention as policies and rules of its own state it.

Called by `config.policy_files` for a RetentionRule and by `config.policy_values` for what a policy
says inline. Faults across the fields of one body are found here. Never learns what is deleted.
"""

from __future__ import annotations

from recordingd.config.diagnostics import Findings
from recordingd.config.heads import refuse_fields, source_of, validity
from recordingd.config.matchers import MatchReader
from recordingd.config.rule_scalars import parse_count_from
from recordingd.config.strict_yaml import Document, PathParts, Plain
from recordingd.domain.durations import (
    FOREVER,
    Duration,
    Forever,
    parse_duration,
    parse_finite_duration,
)
from recordingd.domain.matchers import RuleName
from recordingd.domain.retention import Basis, RetentionRule, RetentionSpec

_DEFAULTS = RetentionSpec()


def read_retention_rule(document: Document, data: Plain, findings: Findings) -> RetentionRule:
    """Build a retention rule from its document."""
    name, is_locked = RuleName(data["name"]), data.get("locked", False)
    if is_locked:
        why = "is not possible on a locked rule, which may never come to an end"
        refuse_fields(document, (), ("observe", "validFrom", "validUntil"), why, findings)
    valid_from, valid_until = validity(document, data, findings)
    return RetentionRule(
        name=name,
        source=source_of(document),
        match=MatchReader(document, salt=name).read(data.get("match", {})),
        spec=retention_spec(document, data, findings),
        priority=data.get("priority", 0),
        is_locked=is_locked,
        description=data.get("description"),
        is_observed=data.get("observe", False),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def retention_spec(
    document: Document, data: Plain, findings: Findings, *, path: PathParts = ()
) -> RetentionSpec:
    """Build the body of a rule that stands at a path of a document."""
    floor, delete = _duration(data.get("keepAtLeast")), _duration(data.get("deleteAfter"))
    if floor is not None and delete is not None and length_of(delete) < length_of(floor):
        place = document.at(*path, "keepAtLeast")
        findings.error(
            document.at(*path, "deleteAfter"),
            "policy/delete-before-floor",
            f"deleteAfter {delete} is shorter than keepAtLeast {floor}",
            related=(place.related(f"keepAtLeast {floor}"),),
        )
    if data == document.find(path).data:
        _check_says_something(document, data, findings, path=path)
    decide_after = data.get("decideAfter")
    return RetentionSpec(
        keep_at_least=floor,
        delete_after=delete,
        count_from=parse_count_from(data.get("countFrom", "callEnd")),
        basis=Basis(data.get("basis", _DEFAULTS.basis.value)),
        decide_after=(
            _DEFAULTS.decide_after if decide_after is None else parse_finite_duration(decide_after)
        ),
    )


def _check_says_something(
    document: Document, data: Plain, findings: Findings, *, path: PathParts
) -> None:
    if not {"keepAtLeast", "deleteAfter"} & data.keys():
        findings.error(
            document.key_at(*path) if path else document.at("name"),
            "policy/retention-empty",
            "without 'keepAtLeast' and 'deleteAfter' this keeps and deletes nothing",
        )
    elif "basis" in data and "keepAtLeast" not in data:
        findings.warning(
            document.key_at(*path, "basis"),
            "policy/no-effect",
            "'basis' has no effect without 'keepAtLeast': it says why a floor stands",
        )


def _duration(text: str | None) -> Duration | Forever | None:
    return None if text is None else parse_duration(text)


def length_of(duration: Duration | Forever) -> float:
    """Return a duration's length for comparing; forever is longer than all."""
    return float("inf") if duration is FOREVER else duration.approximate_seconds()

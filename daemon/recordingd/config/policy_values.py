"""Recording policies as values of `domain.policies`.

Called by `config.policy_files` with data that passed the schema, or with what was left of it: every
field may be missing. Faults that one document has by itself, across its fields, are found here.
"""

from __future__ import annotations

from recordingd.config.consent_values import consent_spec
from recordingd.config.diagnostics import Findings
from recordingd.config.heads import source_of, validity
from recordingd.config.matchers import MatchReader
from recordingd.config.record_values import record_spec
from recordingd.config.retention_values import retention_spec
from recordingd.config.strict_yaml import Document, Plain
from recordingd.domain.consent import ConsentSpec
from recordingd.domain.policies import (
    Captured,
    Decision,
    OnFailure,
    PolicyName,
    RecordingPolicy,
    Until,
)
from recordingd.domain.retention import RetentionSpec

WANTS_RECORD = frozenset({Decision.RECORD, Decision.REQUIRE})


def read_policy(document: Document, data: Plain, findings: Findings) -> RecordingPolicy:
    """Build a recording policy from its document."""
    name = PolicyName(data["name"])
    decision = Decision(data.get("decision", "record"))
    _check_fields(document, data, decision, findings)
    wants = decision in WANTS_RECORD
    valid_from, valid_until = validity(document, data, findings)
    return RecordingPolicy(
        name=name,
        source=source_of(document),
        match=MatchReader(document, salt=name).read(data.get("match", {})),
        decision=decision,
        description=data.get("description"),
        priority=data.get("priority", 0),
        record=record_spec(document, data.get("record", {}), findings) if wants else None,
        captured=_captured(data) if decision is Decision.FORBID else None,
        on_failure=OnFailure(data.get("onFailure", "alert")),
        purpose=data.get("purpose", "recording"),
        until=Until(data.get("until", "callEnd")),
        consent=_consent(document, data, findings),
        retention=_retention(document, data, findings),
        overrides=_overrides(data),
        is_observed=data.get("observe", False),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _overrides(data: Plain) -> tuple[PolicyName, ...]:
    names = data.get("overrides", ())
    return tuple(PolicyName(n) for n in ([names] if isinstance(names, str) else names))


def _captured(data: Plain) -> Captured | None:
    return Captured(data["captured"]) if "captured" in data else None


def _check_fields(document: Document, data: Plain, decision: Decision, findings: Findings) -> None:
    """Refuse fields that go with another decision, and ask for those that go with this one."""
    if "decision" in document.data and "decision" not in data:
        return  # It is not known which one was meant.
    place = document.at("decision") if "decision" in data else document.key_at("name")
    raw = document.data
    if decision in WANTS_RECORD and "record" not in raw:
        findings.error(
            place,
            "policy/record-missing",
            f"decision {decision.value} needs 'record', which says how",
            hint="record: {content: audio, channels: mixed, format: wav}",
        )
    if decision is Decision.FORBID and "captured" not in raw:
        findings.error(
            place,
            "policy/captured-missing",
            "decision forbid needs 'captured', which says what becomes of audio captured before",
            hint="captured: delete, or captured: keep",
        )
    refused = {"overrides"} if decision is not Decision.REQUIRE else set()
    if decision is not Decision.FORBID:
        refused.add("captured")
    if decision not in WANTS_RECORD:
        refused |= {"record", "consent", "retention"}
    for field in sorted(refused & raw.keys()):
        findings.error(
            document.key_at(field),
            "policy/field-not-possible",
            f"'{field}' has no meaning with decision {decision.value}",
        )


def _consent(document: Document, data: Plain, findings: Findings) -> ConsentSpec | None:
    body = data.get("consent")
    return None if body is None else consent_spec(document, body, findings, path=("consent",))


def _retention(document: Document, data: Plain, findings: Findings) -> RetentionSpec | None:
    body = data.get("retention")
    return None if body is None else retention_spec(document, body, findings, path=("retention",))

"""Documents as values of `domain.policies`.

Called by `config.policy_files` with data that passed the schema, or with what was left of it: every
field may be missing. Faults that one document has by itself, across its fields, are found here.
"""

from __future__ import annotations

from datetime import datetime

from recordingd.config import scalars
from recordingd.config.diagnostics import Findings
from recordingd.config.matchers import MatchReader, read_selector, read_selectors
from recordingd.config.strict_yaml import Document, Plain
from recordingd.domain.consent import ConsentMode, ConsentSpec, Parties
from recordingd.domain.durations import (
    FOREVER,
    Duration,
    Forever,
    parse_duration,
    parse_finite_duration,
)
from recordingd.domain.matchers import GroupName, Selector, Source
from recordingd.domain.policies import (
    COMBINATIONS,
    Captured,
    ChannelAssignment,
    Channels,
    Content,
    Decision,
    Group,
    IfAbsent,
    MediaFormat,
    OnFailure,
    PolicyName,
    RecordingPolicy,
    RecordSpec,
    StoreName,
    Until,
    WaitFor,
)
from recordingd.domain.retention import CountFrom, RetentionSpec

WANTS_RECORD = frozenset({Decision.RECORD, Decision.REQUIRE})


def source_of(document: Document) -> Source:
    """Return where a document is: the line of its name."""
    return Source(file=document.file.path, line=document.key_at("name").span.line)


def read_group(document: Document, data: Plain, from_file: tuple[Selector, ...]) -> Group:
    """Build a group from its document and the entries of its members file."""
    return Group(
        name=GroupName(data["name"]),
        source=source_of(document),
        description=data.get("description"),
        is_internal=data.get("internal", False),
        members=(*(read_selector(m) for m in data.get("members", ())), *from_file),
    )


def read_policy(document: Document, data: Plain, findings: Findings) -> RecordingPolicy:
    """Build a recording policy from its document."""
    name = PolicyName(data["name"])
    decision = Decision(data.get("decision", "record"))
    _check_fields(document, data, decision, findings)
    wants = decision in WANTS_RECORD
    valid_from, valid_until = _validity(document, data, findings)
    return RecordingPolicy(
        name=name,
        source=source_of(document),
        match=MatchReader(document, salt=name).read(data.get("match", {})),
        decision=decision,
        description=data.get("description"),
        priority=data.get("priority", 0),
        record=_record(document, data.get("record", {}), findings) if wants else None,
        captured=_captured(data) if decision is Decision.FORBID else None,
        on_failure=OnFailure(data.get("onFailure", "alert")),
        purpose=data.get("purpose", "recording"),
        until=Until(data.get("until", "callEnd")),
        consent=_consent(data.get("consent")),
        retention=_retention(document, data.get("retention"), findings),
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


# --- how ------------------------------------------------------------------------------------------


def _record(document: Document, data: Plain, findings: Findings) -> RecordSpec:
    content = Content(data.get("content", "audio"))
    channels = Channels(data.get("channels", "mixed"))
    chosen = data.get("format")
    media = _default_format(content, channels) if chosen is None else MediaFormat(chosen)
    if (content, channels, media) not in COMBINATIONS:
        _refuse_combination(document, data, (content, channels, media), findings)
    if "assign" in data and channels is not Channels.UNMIXED:
        findings.error(
            document.key_at("record", "assign"),
            "policy/assign-mixed",
            "channels can be assigned only with channels: unmixed",
        )
    if "ifAbsent" in data and "assign" not in data:
        findings.error(
            document.key_at("record", "ifAbsent"),
            "policy/if-absent-alone",
            "'ifAbsent' has no meaning without 'assign'",
        )
    return RecordSpec(
        content=content,
        channels=channels,
        format=media,
        assign=tuple(
            ChannelAssignment(channel=int(n), selectors=read_selectors(who))
            for n, who in sorted(data.get("assign", {}).items())
        ),
        if_absent=_if_absent(data.get("ifAbsent", "startWithout")),
        archive=StoreName(to) if (to := data.get("archive", {}).get("to")) else None,
        storage=StoreName(store) if (store := data.get("storage", {}).get("store")) else None,
        container=_container(document, data, findings),
    )


def _default_format(content: Content, channels: Channels) -> MediaFormat:
    found = (f for c, ch, f in COMBINATIONS if (c, ch) == (content, channels))
    return next(found, MediaFormat.WAV)


def _refuse_combination(
    document: Document,
    data: Plain,
    combination: tuple[Content, Channels, MediaFormat],
    findings: Findings,
) -> None:
    written = next((k for k in ("format", "channels", "content") if k in data), None)
    place = document.at("record", written) if written else document.key_at("record")
    known = ", ".join("+".join(part.value for part in c) for c in COMBINATIONS)
    findings.error(
        place,
        "policy/combination",
        f"the service cannot record {'+'.join(part.value for part in combination)}",
        hint=f"possible are {known} (call-recording.md, Audio/video outputs)",
    )


def _if_absent(value: Plain) -> IfAbsent | WaitFor:
    if isinstance(value, str):
        return IfAbsent(value)
    if "wait" not in value:
        return IfAbsent.START_WITHOUT
    return WaitFor(duration=parse_finite_duration(value["wait"]))


def _container(document: Document, data: Plain, findings: Findings) -> str | None:
    storage = data.get("storage", {})
    if storage and "archive" in data:
        findings.error(
            document.key_at("record", "archive"),
            "policy/archive-and-storage",
            "with 'storage' the service writes the files there, and 'archive' has no meaning",
        )
    container = storage.get("container")
    return None if container is None else scalars.parse_container_url(container)


# --- consent, retention, validity -----------------------------------------------------------------


def _consent(data: Plain) -> ConsentSpec | None:
    if data is None or "mode" not in data:
        return None
    mode, parties = ConsentMode(data["mode"]), Parties(data.get("parties", "all"))
    if "timeout" not in data:
        return ConsentSpec(mode=mode, parties=parties)
    return ConsentSpec(mode=mode, parties=parties, timeout=parse_finite_duration(data["timeout"]))


def _retention(document: Document, data: Plain, findings: Findings) -> RetentionSpec | None:
    if data is None:
        return None
    floor = _duration(data.get("keepAtLeast"))
    delete = _duration(data.get("deleteAfter"))
    if floor is not None and delete is not None and length_of(delete) < length_of(floor):
        place = document.at("retention", "keepAtLeast")
        findings.error(
            document.at("retention", "deleteAfter"),
            "policy/delete-before-floor",
            f"deleteAfter {delete} is shorter than keepAtLeast {floor}",
            related=(place.related(f"keepAtLeast {floor}"),),
        )
    return RetentionSpec(
        keep_at_least=floor,
        delete_after=delete,
        count_from=CountFrom(data.get("countFrom", "callEnd")),
    )


def _duration(text: str | None) -> Duration | Forever | None:
    return None if text is None else parse_duration(text)


def length_of(duration: Duration | Forever) -> float:
    """Return a duration's length for comparing; forever is longer than all."""
    return float("inf") if duration is FOREVER else duration.approximate_seconds()


def _validity(
    document: Document, data: Plain, findings: Findings
) -> tuple[datetime | None, datetime | None]:
    start, end = (
        None if (text := data.get(key)) is None else scalars.parse_moment(text)
        for key in ("validFrom", "validUntil")
    )
    if start is not None and end is not None and start >= end:
        findings.error(
            document.at("validUntil"),
            "policy/never-valid",
            "validUntil is not later than validFrom",
            related=(document.at("validFrom").related("validFrom"),),
        )
    return start, end

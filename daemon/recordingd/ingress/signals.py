"""Read the signals that the customer's applications send about their calls.

Called by `envelopes`. A signal is refused for any fault, naming the field: its sender is there to
correct it, and an answer about consent is no place for guessing. Format: the daemon's HTTP
interface, "Signals".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NoReturn

from recordingd.domain.calls import (
    AnyCallEvent,
    CallReference,
    CallTagged,
    CaptureRequested,
    ConsentAnswer,
    ConsentAnswered,
    MomentTold,
    ServerCallId,
)
from recordingd.domain.errors import UnreadableEvent
from recordingd.ingress.fields import Json, clean, parse_time, text_of
from recordingd.ingress.notices import Notice
from recordingd.ingress.parties import E164

SIGNAL_PREFIX = "recordingd."

_METHODS = frozenset({"dtmf", "speech", "app", "prior"})
# The purpose of a policy that names none.
_PURPOSE = "recording"
_ANSWERS = {
    "recordingd.consent.granted": ConsentAnswer.GRANTED,
    "recordingd.consent.denied": ConsentAnswer.DENIED,
    "recordingd.consent.withdrawn": ConsentAnswer.WITHDRAWN,
    "recordingd.consent.notified": ConsentAnswer.NOTIFIED,
}
# Whether a request asks for the end of the silence.
_REQUESTS = {
    "recordingd.capture.pauseRequested": False,
    "recordingd.capture.resumeRequested": True,
}
# The longest retention from any of these years still ends within the calendar.
_LAST_YEAR = 9499
# Whoever sends one of these counts on its effect, which this version does not have.
_NOT_ACTED_ON = frozenset({"recordingd.call.linked"})


def read_signal(notice: Notice) -> tuple[AnyCallEvent, ...]:
    """Read a signal; UnreadableEvent naming the field when anything in it is wrong."""
    if notice.reporter is None:
        _refuse("type", "names a signal, and signals are accepted from reporters only")
    if notice.attributes.get("specversion") != "1.0":
        _refuse("specversion", "must be 1.0")
    if not isinstance(notice.attributes.get("data"), Mapping):
        _refuse("data", "must be an object")
    if notice.type_name in _NOT_ACTED_ON:
        _refuse("type", "is not acted on by this version")
    reader = _SIGNALS.get(notice.type_name)
    if reader is None:
        _refuse("type", "is not a known signal")
    return (reader(notice),)


def _consent(notice: Notice) -> AnyCallEvent:
    method = text_of(notice.data, "method")
    if method is None or method not in _METHODS:
        _refuse("data.method", f"must be one of {', '.join(sorted(_METHODS))}")
    return ConsentAnswered(
        about=_about(notice),
        at=_time(notice.data, "answeredAt", path="data.answeredAt") or _sent_at(notice),
        answer=_ANSWERS[notice.type_name],
        participant=_participant(notice.data),
        purpose=_optional_text(notice.data, "purpose") or _PURPOSE,
        method=method,
        reporter=notice.reporter or "",
        valid_until=_time(notice.data, "validUntil", path="data.validUntil"),
    )


def _tagged(notice: Notice) -> AnyCallEvent:
    tags, roles = _texts(notice.data, "tags"), _texts(notice.data, "roles")
    if not tags and not roles:
        _refuse("data.tags", "and data.roles are both missing or empty")
    return CallTagged(about=_about(notice), at=_sent_at(notice), tags=tags, roles=roles)


def _moment_told(notice: Notice) -> AnyCallEvent:
    name = _optional_text(notice.data, "event")
    if name is None:
        _refuse("data.event", "is missing")
    moment = _time(notice.data, "at", path="data.at")
    if moment is None:
        _refuse("data.at", "is missing")
    if moment.year > _LAST_YEAR:
        _refuse("data.at", f"must not be later than the year {_LAST_YEAR}")
    return MomentTold(about=_about(notice), at=_sent_at(notice), name=name, moment=moment)


def _capture_requested(notice: Notice) -> AnyCallEvent:
    return CaptureRequested(
        about=_about(notice),
        at=_sent_at(notice),
        is_resume=_REQUESTS[notice.type_name],
        reporter=notice.reporter or "",
    )


_SIGNALS: Mapping[str, Callable[[Notice], AnyCallEvent]] = {
    **dict.fromkeys(_ANSWERS, _consent),
    "recordingd.call.tagged": _tagged,
    "recordingd.retention.event": _moment_told,
    **dict.fromkeys(_REQUESTS, _capture_requested),
}


def _about(notice: Notice) -> CallReference:
    named, subject = text_of(notice.data, "serverCallId"), notice.subject
    if named and subject and named != subject:
        _refuse("subject", "names another call than data.serverCallId")
    server_call_id = named or subject
    if not server_call_id:
        _refuse("data.serverCallId", "is missing")
    return CallReference(server_call_id=ServerCallId(server_call_id))


def _sent_at(notice: Notice) -> datetime:
    return _time(notice.attributes, "time", path="time") or notice.at


def _time(holder: Json, name: str, *, path: str) -> datetime | None:
    if holder.get(name) is None:
        return None
    value = holder[name]
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        _refuse(path, "must be an RFC 3339 time")
    return moment


def _participant(data: Json) -> str | None:
    participant = _optional_text(data, "participant")
    if participant is not None and participant.startswith("+") and not E164.fullmatch(participant):
        _refuse("data.participant", "must be a raw id or an E.164 number")
    return participant


def _optional_text(data: Json, name: str) -> str | None:
    if data.get(name) is None:
        return None
    found = text_of(data, name)
    if found is None:
        _refuse(f"data.{name}", "must be a non-empty text")
    return found


def _texts(data: Json, name: str) -> dict[str, str]:
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        _refuse(f"data.{name}", "must be an object of texts")
    for key, text in value.items():
        if not key or not isinstance(text, str):
            _refuse(f"data.{name}.{key}", "must be a text under a non-empty name")
    return {clean(key): clean(text) for key, text in value.items()}


def _refuse(field: str, complaint: str) -> NoReturn:
    reason = f"{field} {complaint}"
    raise UnreadableEvent(reason, field=field)

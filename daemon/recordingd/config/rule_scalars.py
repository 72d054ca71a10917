"""Texts with a meaning in rules and tests, parsed: clocks, prompts, places, parties, reasons.

Each function returns the value or raises ValueError with a sentence for a person, as those of
`scalars` do: the schema check calls them through its formats, the builders call them again on texts
that are known to be good.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from recordingd.config.place_codes import is_place_code, place_code_hint
from recordingd.config.scalars import is_loopback
from recordingd.config.secret_words import without_secrets
from recordingd.domain.durations import FOREVER, Duration, Forever, parse_duration
from recordingd.domain.parties import Party, PartyKind, Phone, RawId
from recordingd.domain.places import PlaceCode
from recordingd.domain.retention import CountFrom, EventClock

_EVENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_KEY = re.compile(r"[0-9*#]")
_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")
_RAW_ID = re.compile(r"[0-9]{1,4}:[^\s*]+")
# Reasons for silence that belong to no rule.
_PAUSE_REASONS = ("consent", "forbid", "settle", "operator")
_PAUSE_OF_A_RULE = "pause:"
_NEVER = "never"


def parse_count_from(text: str) -> CountFrom | EventClock:
    """Read the moment that retention counts from."""
    kind, _, event = text.partition(":")
    if kind == "event" and _EVENT_NAME.fullmatch(event):
        return EventClock(event)
    if text in {member.value for member in CountFrom}:
        return CountFrom(text)
    msg = f"'{text}' is not a moment to count from; write callEnd, stored or event:NAME"
    raise ValueError(msg)


def parse_prompt(text: str) -> str:
    """Check where a prompt is: a .wav file beside the document, or an https URL of one."""
    is_url = "://" in text
    is_wav = text.lower().endswith(".wav") and "\0" not in text
    if not is_wav or (not _is_plain_url(text) if is_url else text.startswith("/") or "\\" in text):
        shown = without_secrets(text)
        msg = f"'{shown}' is not a prompt; write a relative path or an https URL that ends in .wav"
        raise ValueError(msg)
    return text


def _is_plain_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return False
    # A query is where signatures stand, and a policy is shown to everybody.
    is_whole = not (url.query or url.fragment or url.username or url.password)
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname or ""))
    return bool(is_whole and is_safe and url.hostname)


def parse_language(text: str) -> str:
    """Check the code of a language (BCP 47): en, de-AT."""
    if not _LANGUAGE.fullmatch(text):
        msg = f"'{text}' is not the code of a language; write en, de or de-AT"
        raise ValueError(msg)
    return text


def parse_key(text: str) -> str:
    """Check the key of a telephone: one of 0 to 9, * and #."""
    if not _KEY.fullmatch(text):
        msg = f"'{text}' is not a key of a telephone; write one of 0 to 9, * and #"
        raise ValueError(msg)
    return text


def parse_place_code(text: str) -> PlaceCode:
    """Read the code of a country, or of a state or province of the United States or Canada."""
    if not is_place_code(text):
        hint = place_code_hint(text)
        msg = f"'{text}' is not the code of a place; write DE, or US-CA for a state or province"
        raise ValueError(msg + (f"; did you mean '{hint}'?" if hint else ""))
    return PlaceCode(text)


# --- tests ----------------------------------------------------------------------------------------


def parse_number(text: str) -> Phone:
    """Read one phone number in E.164."""
    if not _NUMBER.fullmatch(text):
        msg = f"'{text}' is not a phone number in E.164; write +18005550100"
        raise ValueError(msg)
    return Phone(text)


def parse_raw_id(text: str) -> RawId:
    """Read the raw id of one participant."""
    if not _RAW_ID.fullmatch(text):
        msg = f"'{text}' is not a raw id; write one like 8:acs:agent-7 or 4:+18005550100"
        raise ValueError(msg)
    return RawId(text)


def parse_party(text: str) -> Party:
    """Read one party from its raw id or its phone number."""
    if not text.startswith("+"):
        return party_of(raw_id=parse_raw_id(text), phone=None)
    return party_of(raw_id=None, phone=parse_number(text))


def party_of(*, raw_id: RawId | None, phone: Phone | None) -> Party:
    """Make a party of an id, of a number, or of both; an id of a number tells the number."""
    if raw_id is None:
        assert phone is not None
        raw_id = RawId(f"4:{phone}")
    if raw_id.startswith("4:"):
        told = raw_id.removeprefix("4:")
        phone = phone or (Phone(told) if _NUMBER.fullmatch(told) else None)
        return Party(raw_id=raw_id, kind=PartyKind.PHONE_NUMBER, phone=phone)
    return Party(raw_id=raw_id, phone=phone)


def parse_deletion(text: str) -> Duration | Forever:
    """Read after how long a deletion is expected; `never` is forever."""
    return FOREVER if text == _NEVER else parse_duration(text)


def parse_pause_reason(text: str) -> str:
    """Check the name of a reason for silence."""
    if text not in _PAUSE_REASONS and not pause_rule_in(text):
        known = ", ".join(_PAUSE_REASONS)
        msg = f"'{text}' is not a reason for silence; write {known}, or pause:NAME of a PauseRule"
        raise ValueError(msg)
    return text


def pause_rule_in(reason: str) -> str | None:
    """Return the name of the rule that a reason for silence belongs to; None for the others."""
    if not reason.startswith(_PAUSE_OF_A_RULE):
        return None
    return reason.removeprefix(_PAUSE_OF_A_RULE)

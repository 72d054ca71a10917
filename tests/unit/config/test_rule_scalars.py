"""Texts of rules and tests: what is read, what is refused, and what is suggested."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recordingd.config import rule_scalars
from recordingd.domain.durations import FOREVER, Duration
from recordingd.domain.parties import Party, PartyKind, Phone, RawId
from recordingd.domain.retention import CountFrom, EventClock


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("callEnd", CountFrom.CALL_END),
        ("stored", CountFrom.STORED),
        ("event:ticket-closed.v2", EventClock("ticket-closed.v2")),
    ],
)
def test_moment_to_count_from(text: str, expected: CountFrom | EventClock) -> None:
    assert rule_scalars.parse_count_from(text) == expected
    assert str(getattr(expected, "value", expected)) == text


@pytest.mark.parametrize(
    "text",
    ["a.wav", "prompts/EN.WAV", "../a.wav", "https://a.example/p/a.wav", "http://[::1]/a.wav"],
)
def test_prompt_is_a_wav_file_or_its_url(text: str) -> None:
    assert rule_scalars.parse_prompt(text) == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *(
            (rule_scalars.parse_count_from, t)
            for t in ("", "callend", "event:", "event:a b", "x:y")
        ),
        *(
            (rule_scalars.parse_prompt, t)
            for t in (
                *("", "a.mp3", "/etc/a.wav", "a\\b.wav", "a\0.wav", "http://a.example/a.wav"),
                *("https://a.example/a.wav?sig=x.wav", "https://u:p@a.example/a.wav"),
                *("https:///a.wav", "https://a:b/a.wav", "ftp://a.example/a.wav"),
            )
        ),
        *((rule_scalars.parse_language, t) for t in ("", "e", "english", "en_GB", "en-")),
        *((rule_scalars.parse_key, t) for t in ("", "12", "A", "one")),
        *((rule_scalars.parse_place_code, t) for t in ("", "de", "XX", "US-XX", "unknown")),
        *((rule_scalars.parse_number, t) for t in ("", "+0", "18005550100", "+1800*")),
        *((rule_scalars.parse_raw_id, t) for t in ("", "agent", "8:acs:*", "8:a b", ":x", "a:b")),
        *((rule_scalars.parse_party, t) for t in ("", "+", "agent-7", "+1 800")),
        *((rule_scalars.parse_deletion, t) for t in ("", "Never", "2")),
        *((rule_scalars.parse_pause_reason, t) for t in ("", "Consent", "pause", "pause:")),
    ],
)
def test_other_text_is_refused_with_a_sentence(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        parse(text)
    assert "sig=x" not in str(caught.value)
    assert "u:p@" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "suggestion"), [("uk", "GB"), ("us-ca", "US-CA"), ("FR-75", "FR"), ("XX", None)]
)
def test_code_of_a_place_that_was_meant_is_suggested(text: str, suggestion: str | None) -> None:
    with pytest.raises(ValueError, match="is not the code of a place") as caught:
        rule_scalars.parse_place_code(text)
    _, _, found = str(caught.value).partition("; did you mean ")
    assert found == ("" if suggestion is None else f"'{suggestion}'?")


@pytest.mark.parametrize("text", ["en", "de-AT", "zh-Hans-CN"])
def test_language(text: str) -> None:
    assert rule_scalars.parse_language(text) == text


# --- tests ----------------------------------------------------------------------------------------

NUMBER = "+18005550100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:acs:agent-7", Party(raw_id=RawId("8:acs:agent-7"))),
        (
            NUMBER,
            Party(raw_id=RawId(f"4:{NUMBER}"), kind=PartyKind.PHONE_NUMBER, phone=Phone(NUMBER)),
        ),
        (
            f"4:{NUMBER}",
            Party(raw_id=RawId(f"4:{NUMBER}"), kind=PartyKind.PHONE_NUMBER, phone=Phone(NUMBER)),
        ),
        ("4:anonymous", Party(raw_id=RawId("4:anonymous"), kind=PartyKind.PHONE_NUMBER)),
    ],
)
def test_party_is_read_from_its_id_or_its_number(text: str, expected: Party) -> None:
    assert rule_scalars.parse_party(text) == expected


def test_party_may_have_an_id_and_a_number() -> None:
    found = rule_scalars.party_of(raw_id=RawId("8:orgid:1"), phone=Phone(NUMBER))
    assert found == Party(raw_id=RawId("8:orgid:1"), phone=Phone(NUMBER))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("never", FOREVER), ("forever", FOREVER), ("2y", Duration(months=24))],
)
def test_expected_deletion(text: str, expected: object) -> None:
    assert rule_scalars.parse_deletion(text) == expected


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("consent", None),
        ("forbid", None),
        ("settle", None),
        ("operator", None),
        ("pause:card-payment", "card-payment"),
    ],
)
def test_reason_for_silence_may_name_a_rule(reason: str, rule: str | None) -> None:
    assert rule_scalars.parse_pause_reason(reason) == reason
    assert rule_scalars.pause_rule_in(reason) == rule

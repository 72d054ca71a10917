"""What never leaves the process in the clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.telemetry.redaction import Redactor

KEY = b"k" * 32
ACS = "8:acs:11111111-1111-1111-1111-111111111111_00000026-426d-b739"
ACCESS_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhY3MifQ.c2lnbmF0dXJl"


def redact(text: str) -> str:
    return Redactor(KEY).redact(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("from +4915112345678 to us", "4915112345678"),
        ("x+18005550100x", "18005550100"),
        ("tel=%2B18005550100", "18005550100"),
        ("4:+18005550100", "18005550100"),
        ("4%3A%2B18005550100/x", "18005550100"),
        ("4:18005550100", "18005550100"),
        (f"participant {ACS}, then", "11111111-1111"),
        ("/participants/8%3Aacs%3A11111111_22222222?x", "11111111"),
        ("8:orgid:7c1f-canary", "canary"),
        ("8:teamsvisitor:canary", "canary"),
        ("8:gcch-acs:canary", "canary"),
        ("28:orgid:canary", "canary"),
        ("https://h/c?sv=2024&sig=Ab%2Bc%3D&se=1", "Ab%2Bc"),
        ("POST /events?key=canary-key HTTP/1.1", "canary-key"),
        ("POST /api?code=canary== HTTP/1.1", "canary"),
        ("endpoint=https://c.example/;accesskey=canary/+a==", "canary"),
        ("AccountName=x;AccountKey=canary==;", "canary"),
        ("Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=canary=", "canary"),
        ("authorization: Bearer canary", "canary"),
        ("{'Authorization': 'Bearer canary', 'x-ms-date': 'Mon'}", "canary"),
        ('{"authorization": "canary token"}', "canary"),
        ('{\\"Authorization\\": \\"canary\\"}', "canary"),
        ("(b'Authorization', b'Bearer canary')", "canary"),
        ("sent bearer canary.token", "canary"),
        ("HMAC-SHA256 SignedHeaders=h&Signature=canary", "canary"),
        ("x-recordingd-key: canary", "canary"),
        ("{'x-recordingd-key': 'canary'}", "canary"),
        ('{"key": "canary"}', "canary"),
        ("POST /callbacks/canary-token answered", "canary"),
        (f"token {JWT}", "eyJpc3M"),
        (f"key {ACCESS_KEY}", ACCESS_KEY[:20]),
        ("password=canary", "canary"),
    ],
)
def test_secret_is_replaced(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "start call=call-0123456789abcdef policy=support outcome=ok subcode=8553 ms-cv=aB+/1.2",
        "at 2026-03-02T10:00:00.123+00:00 took 1.5e+3 ms",
        "GET /calling/recordings/eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiJhIn0?api-version=2026-03-12",
        "call aHR0cHM6Ly9hcGkuZmxpZ2h0cHJveHkuc2t5cGUuY29tL2FwaS92Mi9jcA==",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "policies/support.yaml:12: monkey=1 keyboard=us",
        "4:30 in the morning, 18:04:12, port 48:1",
        "",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_text_around_a_secret_stays() -> None:
    assert redact("from +4915112345678 to us").startswith("from <phone:")
    assert redact("from +4915112345678 to us").endswith("> to us")
    assert redact("GET /a?key=x&b=1").endswith("&b=1")


def test_kind_of_what_was_replaced_is_told() -> None:
    assert redact(ACS).startswith("<user:")
    assert redact("key=x").startswith("key=<secret:")


@pytest.mark.parametrize(
    "other", ["4:+18005550100", "4%3A%2B18005550100", "%2B18005550100", "4:18005550100"]
)
def test_one_number_has_one_pseudonym_however_it_is_written(other: str) -> None:
    assert redact("+18005550100") in redact(other)


def test_one_participant_has_one_pseudonym_however_it_is_written() -> None:
    assert redact("8:acs:a_b") == redact("8%3Aacs%3Aa_b")


def test_different_values_have_different_pseudonyms() -> None:
    assert redact("+18005550100") != redact("+18005550101")


def test_pseudonym_depends_on_the_key() -> None:
    other = Redactor(b"o" * 32)
    assert redact("+18005550100") != other.redact("+18005550100")
    assert redact("+18005550100") == redact("+18005550100")


@pytest.mark.parametrize("secret", ["canary", ""])
def test_rest_of_a_header_is_replaced_with_a_known_secret_in_it(secret: str) -> None:
    redactor = Redactor(KEY, secrets=["known", secret])
    assert "canary" not in redactor.redact("Authorization: known canary")


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    assert "x" not in redact("key=x\ud800").removeprefix("key=")


def test_known_secret_is_replaced_wherever_it_stands() -> None:
    redactor = Redactor(KEY, secrets=["short", "short-and-long", ""])
    text = redactor.redact("got short-and-long, twice, and shorts")
    assert "short" not in text
    assert "and-long" not in text


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


PIECES = st.sampled_from(
    [
        "+4915112345678",
        ACS,
        "key=canary",
        "Authorization: ",
        "Bearer x.y",
        " ",
        "'",
        '"',
        ",",
        "<",
        ">",
        "=",
        "sig=",
        "4:",
        "/callbacks/",
        ACCESS_KEY,
        JWT,
        "\n",
        "code=",
        "{",
        "}",
    ]
)


@given(st.lists(PIECES, max_size=12))
def test_redacting_twice_changes_nothing_more_near_secrets(pieces: list[str]) -> None:
    once = redact(" ".join(pieces))
    assert redact(once) == once


@given(
    st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True), st.text(max_size=20), st.text(max_size=20)
)
def test_phone_number_is_replaced_in_any_surroundings(number: str, before: str, after: str) -> None:
    redactor = Redactor(KEY)
    assert number not in redactor.redact(f"{before}{number}{after}")


@pytest.mark.parametrize("plus", ["%2B", r"\u002b", r"\u002B"])
def test_escaped_plus_of_a_number_gives_the_same_pseudonym(plus: str) -> None:
    assert redact(f"{plus}4915112345678") == redact("+4915112345678")
    assert redact(f"4:{plus}4915112345678") == redact("4:+4915112345678")

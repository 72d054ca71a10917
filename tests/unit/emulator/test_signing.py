"""Signatures are verified exactly as documented; the examples were computed by the official SDK."""

import pytest

from recordingd.emulator.signing import content_hash, decode_key, refusal, signature

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
DATE = "Tue, 04 Aug 2026 10:00:00 GMT"
NOON = 1785837600.0  # DATE in epoch seconds
HOST = "contoso.communication.azure.com"
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
STATE_TARGET = "/calling/recordings/RID?api-version=2026-03-12"
PREFIX = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="


def make_headers(**changes: str) -> dict[str, str]:
    headers = {
        "authorization": PREFIX + "mj54VGGPV0cSrF3YgkpxNaS4PyM42q9quiiJf4WFQJ0=",
        "x-ms-date": DATE,
        "x-ms-content-sha256": EMPTY,
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def judge(
    headers: dict[str, str], *, now: float = NOON, body: bytes = b"", target: str = STATE_TARGET
) -> str | None:
    return refusal(
        [decode_key(KEY)],
        method="GET",
        targets=(target,),
        hosts=(HOST,),
        headers=headers,
        body=body,
        now=now,
    )


@pytest.mark.parametrize(
    ("method", "target", "digest", "expected"),
    [
        ("GET", STATE_TARGET, EMPTY, "mj54VGGPV0cSrF3YgkpxNaS4PyM42q9quiiJf4WFQJ0="),
        (
            "POST",
            "/calling/recordings?api-version=2026-03-12",
            "Ji6qyuWQ0EGLkajmhtqJH+q6QWESWob2TeLLYoVerJo=",
            "ZsXQpJ9R0w+qpHcGogXcV3wkPkJikM3sIAgeiXvwISM=",
        ),
        (
            "GET",
            "/v1/objects/0-wus-d2-x/content/audio",
            EMPTY,
            "f8S9Mc/XohFyKzmwULBun1z3X49dKQ97Y86n3yNO3XA=",
        ),
    ],
)
def test_worked_examples(method: str, target: str, digest: str, expected: str) -> None:
    made = signature(
        decode_key(KEY), method=method, target=target, date=DATE, host=HOST, digest=digest
    )
    assert made == expected


def test_hash_of_an_empty_body() -> None:
    assert content_hash(b"") == EMPTY


def test_authentic_request_is_accepted() -> None:
    assert judge(make_headers()) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"authorization": ""}, "no Authorization"),
        ({"authorization": "Bearer x"}, "not HMAC"),
        ({"authorization": PREFIX + "AAAA"}, "does not match"),
        ({"x_ms_date": "yesterday"}, "not an HTTP date"),
        ({"x_ms_date": "Tue, 04 Aug 2026 10:00:01 GMT"}, "does not match"),
        ({"x_ms_content_sha256": "x"}, "does not match the body"),
    ],
)
def test_spoiled_header_is_refused(changes: dict[str, str], reason: str) -> None:
    assert reason in (judge(make_headers(**changes)) or "")


@pytest.mark.parametrize(("skew", "accepted"), [(899, True), (900, True), (901, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_date_may_be_off_by_fifteen_minutes(skew: int, sign: int, *, accepted: bool) -> None:
    assert (judge(make_headers(), now=NOON + sign * skew) is None) is accepted


def test_other_query_is_refused() -> None:
    assert judge(make_headers(), target=STATE_TARGET + "&x=1") is not None


def test_other_body_is_refused() -> None:
    assert judge(make_headers(), body=b"{}") is not None


@pytest.mark.parametrize("text", ["", "not base64!", "YWJ"])
def test_key_must_be_base64(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_key(text)

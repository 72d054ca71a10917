"""Which tokens let their bearers in, by every way to spoil one."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.issuer import (
    APPLICATION,
    AUDIENCE,
    ISSUER,
    NOW,
    TENANT,
    MemoryKeys,
    claims,
    entra_claims,
    signed,
    signed_with_the_public_key,
    unsigned,
)

from recordingd.ingress.auth import Accepted, Refusal, Verdict
from recordingd.ingress.tokens import (
    LEEWAY_SECONDS,
    TOKEN_LENGTH_MAX,
    TokenCheck,
    callback_rules,
    entra_rules,
)

CALLBACKS = callback_rules(issuer=ISSUER, audience=AUDIENCE)
LEEWAY = timedelta(seconds=LEEWAY_SECONDS)
LIFE = timedelta(seconds=300)


def judge(token: str, *, now: datetime = NOW, keys: MemoryKeys | None = None) -> Verdict:
    check = TokenCheck(name="service", rules=CALLBACKS, keys=keys or MemoryKeys())
    return asyncio.run(check.judge(token, now=now))


def judge_event(token: str, *, now: datetime = NOW, issuer: str | None = None) -> Verdict:
    rules = entra_rules(tenant=TENANT, audience=AUDIENCE, application=APPLICATION, issuer=issuer)
    check = TokenCheck(name="entra", rules=rules, keys=MemoryKeys())
    return asyncio.run(check.judge(token, now=now))


# --- every token ----------------------------------------------------------------------------------


def test_good_token_is_accepted_under_the_name_of_its_kind() -> None:
    assert judge(signed(claims())) == Accepted("service")


@pytest.mark.parametrize("claim", ["exp", "iss", "aud"])
def test_token_without_a_needed_claim_is_refused(claim: str) -> None:
    assert judge(signed(claims(**{claim: None}))) is Refusal.WRONG


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "RS256", ""])
def test_unsigned_token_is_refused_whatever_it_calls_its_algorithm(alg: str) -> None:
    assert judge(unsigned(claims(), alg=alg)) is Refusal.WRONG


def test_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    assert judge(signed_with_the_public_key(claims())) is Refusal.WRONG


def test_token_signed_by_another_key_under_a_known_name_is_refused() -> None:
    assert judge(signed(claims(), kid="key-1", signer="key-2")) is Refusal.WRONG


def test_token_under_an_unknown_name_is_refused() -> None:
    assert judge(signed(claims(), kid="key-2")) is Refusal.WRONG


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": AUDIENCE.upper()},
        {"aud": [AUDIENCE]},
        {"aud": ""},
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": ISSUER.upper()},
    ],
    ids=lambda changes: "-".join(str(v) for v in changes.values())[:30],
)
def test_token_of_or_for_somebody_else_is_refused(changes: dict[str, Any]) -> None:
    assert judge(signed(claims(**changes))) is Refusal.WRONG


@pytest.mark.parametrize(
    ("after", "is_good"),
    [
        (LIFE + LEEWAY - timedelta(microseconds=1), True),
        (LIFE + LEEWAY, False),
        (LIFE + LEEWAY + timedelta(microseconds=1), False),
    ],
)
def test_token_expires_after_its_time_and_the_leeway(after: timedelta, *, is_good: bool) -> None:
    verdict = judge(signed(claims()), now=NOW + after)
    assert isinstance(verdict, Accepted) is is_good


@pytest.mark.parametrize(
    ("before", "is_good"),
    [
        (LEEWAY - timedelta(microseconds=1), True),
        (LEEWAY, True),
        (LEEWAY + timedelta(microseconds=1), False),
    ],
)
def test_token_is_not_valid_before_its_time_less_the_leeway(
    before: timedelta, *, is_good: bool
) -> None:
    verdict = judge(signed(claims()), now=NOW - before)
    assert isinstance(verdict, Accepted) is is_good


@pytest.mark.parametrize("value", ["1900000000", True, [], {}, 1e300, 2**70])
@pytest.mark.parametrize("claim", ["exp", "nbf"])
def test_time_that_is_no_moment_is_refused(claim: str, value: object) -> None:
    assert judge(signed(claims(**{claim: value}))) is Refusal.WRONG


def test_token_that_says_not_when_it_begins_is_valid_until_it_ends() -> None:
    assert judge(signed(claims(nbf=None))) == Accepted("service")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "é.ü.ö", "hook-key", "\udcff", "0" * 100, "e30.e30.e30"],
)
def test_text_that_is_no_token_is_refused_without_asking_for_keys(text: str) -> None:
    keys = MemoryKeys()
    assert judge(text, keys=keys) is Refusal.WRONG
    assert keys.asked == []


def test_token_that_is_too_long_is_not_looked_into() -> None:
    keys = MemoryKeys()
    token = signed(claims(padding="x" * TOKEN_LENGTH_MAX))
    assert judge(token, keys=keys) is Refusal.WRONG
    assert keys.asked == []


def test_claims_nested_too_deeply_are_refused() -> None:
    deep: Any = []
    for _ in range(700):
        deep = [deep]
    assert judge(signed(claims(deep=deep))) in {Accepted("service"), Refusal.WRONG}


def test_token_whose_keys_cannot_be_had_is_neither_accepted_nor_wrong() -> None:
    keys = MemoryKeys(is_reachable=False)
    assert judge(signed(claims()), keys=keys) is Refusal.UNAVAILABLE


def test_verified_token_says_until_when_it_must_be_remembered() -> None:
    check = TokenCheck(name="service", rules=CALLBACKS, keys=MemoryKeys())
    token = asyncio.run(check.verify(signed(claims()), now=NOW))
    assert not isinstance(token, Refusal)
    assert token.expires_at == (NOW + LIFE + LEEWAY).timestamp()


# --- tokens of Event Grid -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"iss": f"https://sts.windows.net/{TENANT}/", "azp": None, "appid": APPLICATION},
        {"appid": APPLICATION},
    ],
    ids=["version-2", "version-1", "both"],
)
def test_event_grid_is_known_by_both_versions_of_its_tokens(changes: dict[str, Any]) -> None:
    assert judge_event(signed(entra_claims(**changes))) == Accepted("entra")


@pytest.mark.parametrize("claim", ["exp", "nbf", "iss", "aud", "tid", "azp"])
def test_event_grid_token_without_a_needed_claim_is_refused(claim: str) -> None:
    assert judge_event(signed(entra_claims(**{claim: None}))) is Refusal.WRONG


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://sts.windows.net/99999999-2222-4333-8444-555555555555/"},
        {"iss": f"https://sts.windows.net/{TENANT}"},
        {"iss": f"https://login.microsoftonline.com/{TENANT}/"},
        {"iss": "https://login.microsoftonline.com/common/v2.0"},
        {"aud": "api://another"},
        {"tid": "99999999-2222-4333-8444-555555555555"},
        {"tid": [TENANT]},
        {"azp": TENANT},
        {"azp": None, "appid": TENANT},
        {"appid": TENANT},
        {"azp": [APPLICATION]},
    ],
    ids=lambda changes: "-".join(f"{k}={v}" for k, v in changes.items())[:50],
)
def test_event_grid_token_of_or_for_somebody_else_is_refused(changes: dict[str, Any]) -> None:
    assert judge_event(signed(entra_claims(**changes))) is Refusal.WRONG


def test_issuer_that_is_given_is_the_only_one() -> None:
    assert judge_event(signed(entra_claims()), issuer=ISSUER) is Refusal.WRONG
    assert judge_event(signed(entra_claims(iss=ISSUER)), issuer=ISSUER) == Accepted("entra")


def test_callback_token_does_not_open_the_webhook() -> None:
    assert judge_event(signed(claims())) is Refusal.WRONG

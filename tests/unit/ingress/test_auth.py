"""Who a request comes from."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordingd.ingress.auth import Accepted, Keyring, NamedSecret, Refusal, Shown, token_hash_of

KEYRING = Keyring(
    webhook=(
        NamedSecret(name="old", value="old-key"),
        NamedSecret(name="new", value="a+b/c=="),
    ),
    reporters=(NamedSecret(name="ivr", value="ivr-key"), NamedSecret(name="crm", value="crm-key")),
    api_tokens=(NamedSecret(name="ops", value="ops-key"),),
)


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        (Shown(query=b"key=old-key"), "old"),
        (Shown(query=b"x=1&key=old-key&y=2"), "old"),
        (Shown(query=b"key=a%2Bb%2Fc%3D%3D"), "new"),
        (Shown(query=b"key=a+b/c=="), "new"),
        (Shown(key_header="a+b/c=="), "new"),
        (Shown(authorization="Bearer old-key"), "old"),
        (Shown(authorization="bearer old-key"), "old"),
        (Shown(query=b"key=stale", key_header="old-key"), "old"),
    ],
)
def test_webhook_accepts_any_valid_secret_in_any_place(shown: Shown, name: str) -> None:
    assert KEYRING.judge_webhook(shown) == Accepted(name)


@pytest.mark.parametrize(
    "shown",
    [
        Shown(query=b"key=wrong"),
        Shown(query=b"key=old-ke"),
        Shown(query=b"key=old-key2"),
        Shown(query=b"key=OLD-KEY"),
        Shown(query=b"key=%00"),
        Shown(query=b"key=%ff"),
        Shown(key_header="ops-key"),
        Shown(authorization="Bearer"),
        Shown(authorization="Bearer "),
        Shown(authorization="old-key"),
        Shown(authorization="Basic b2xkLWtleQ=="),
        Shown(authorization="Bearer ivr-key"),
    ],
)
def test_webhook_refuses_a_credential_that_does_not_verify(shown: Shown) -> None:
    assert KEYRING.judge_webhook(shown) is Refusal.WRONG


@pytest.mark.parametrize(
    "shown", [Shown(), Shown(query=b"code=x"), Shown(query=b"key="), Shown(key_header="")]
)
def test_webhook_knows_a_request_without_any_credential(shown: Shown) -> None:
    assert KEYRING.judge_webhook(shown) is Refusal.ABSENT


def test_reporter_is_named_by_its_secret() -> None:
    assert KEYRING.judge_reporter(Shown(authorization="Bearer crm-key")) == Accepted("crm")


@pytest.mark.parametrize(
    ("shown", "refusal"),
    [
        (Shown(), Refusal.ABSENT),
        (Shown(query=b"key=ivr-key"), Refusal.ABSENT),
        (Shown(authorization="Bearer ops-key"), Refusal.WRONG),
    ],
)
def test_reporter_shows_a_bearer_of_its_own(shown: Shown, refusal: Refusal) -> None:
    assert KEYRING.judge_reporter(shown) is refusal


def test_api_token_opens_the_api_alone() -> None:
    shown = Shown(authorization="Bearer ops-key")
    assert KEYRING.judge_api(shown) == Accepted("ops")
    assert KEYRING.judge_webhook(shown) is Refusal.WRONG


def test_nothing_opens_an_empty_keyring() -> None:
    assert Keyring().judge_webhook(Shown(query=b"key=x")) is Refusal.WRONG


@given(st.binary(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_arbitrary_credentials_are_never_accepted(query: bytes, key: str, bearer: str) -> None:
    keyring = Keyring(webhook=(NamedSecret(name="n", value="x" * 64),))
    shown = Shown(query=query, key_header=key, authorization=bearer)
    assert isinstance(keyring.judge_webhook(shown), Refusal)


def test_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="'ivr' is empty"):
        NamedSecret(name="ivr", value="")


def test_secret_is_not_shown() -> None:
    assert "old-key" not in repr(KEYRING)
    assert "old" in repr(KEYRING)


def test_token_is_known_by_its_hash() -> None:
    assert token_hash_of("tok") == hashlib.sha256(b"tok").hexdigest()

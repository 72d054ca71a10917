import jwt
import pytest

from recordingd.emulator.clock import real_now
from recordingd.emulator.keyring import BadTokenError, KeyRing, new_key

AUDIENCE = "somebody"


def claims(**changed: object) -> dict[str, object]:
    now = int(real_now())
    return {"iss": "us", "aud": AUDIENCE, "iat": now, "exp": now + 60} | changed


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in claims().items() if key != name}


def kids(ring: KeyRing) -> list[object]:
    published = ring.jwks()["keys"]
    assert isinstance(published, list)
    return [key["kid"] for key in published]


def test_own_token_is_verified_and_its_claims_returned() -> None:
    ring = KeyRing()
    assert ring.verify(ring.sign(claims(jti="1")), [AUDIENCE])["jti"] == "1"


def test_published_key_verifies_for_anybody() -> None:
    ring = KeyRing()
    published = ring.jwks()["keys"]
    assert isinstance(published, list)
    read = jwt.decode(
        ring.sign(claims()), jwt.PyJWK(published[0]), algorithms=["RS256"], audience=AUDIENCE
    )
    assert read["iss"] == "us"
    assert "d" not in published[0]


@pytest.mark.parametrize("name", ["exp", "aud", "iss"])
def test_token_that_lacks_a_claim_is_refused(name: str) -> None:
    ring = KeyRing()
    with pytest.raises(BadTokenError, match=name):
        ring.verify(ring.sign(without(name)), [AUDIENCE])


@pytest.mark.parametrize(("seconds", "is_good"), [(-1, False), (0, False), (30, True)])
def test_token_is_good_until_it_expires(seconds: int, *, is_good: bool) -> None:
    ring = KeyRing()
    token = ring.sign(claims(exp=int(real_now()) + seconds))
    if is_good:
        assert ring.verify(token, [AUDIENCE])
    else:
        with pytest.raises(BadTokenError):
            ring.verify(token, [AUDIENCE])


def test_unsigned_foreign_and_forged_tokens_are_refused() -> None:
    ring = KeyRing()
    ring.sign(claims())
    stranger = new_key()
    tokens = [
        ring.unsigned(claims()),
        ring.sign(claims(), key=stranger),
        ring.sign(claims(), key=stranger, kid=ring.current.kid),
        "no.token.atall",
        "",
    ]
    for token in tokens:
        with pytest.raises(BadTokenError):
            ring.verify(token, [AUDIENCE])


def test_rotation_signs_with_a_new_key_and_publishes_both() -> None:
    ring = KeyRing()
    old = ring.sign(claims())
    first = ring.current.kid
    second = ring.rotate(keep_old=True)
    assert kids(ring) == [second, first]
    assert ring.verify(old, [AUDIENCE])
    assert jwt.get_unverified_header(ring.sign(claims()))["kid"] == second


def test_revocation_leaves_only_the_new_key() -> None:
    ring = KeyRing()
    old = ring.sign(claims())
    second = ring.rotate(keep_old=False)
    assert kids(ring) == [second]
    with pytest.raises(BadTokenError):
        ring.verify(old, [AUDIENCE])

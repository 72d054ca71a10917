import jwt
import pytest

from recordingd.emulator.bearer import TokenSource, callback_claims
from recordingd.emulator.clock import Ids
from recordingd.emulator.faults import Faults
from recordingd.emulator.keyring import KeyRing
from recordingd.emulator.options import EmulatorOptions


class Desk:
    """A token source with its faults."""

    def __init__(self, family: str = "callbacks") -> None:
        self.faults = Faults(Ids(1))
        self.ring = KeyRing()
        ids = Ids(2)
        self.source = TokenSource(
            family=family,
            faults=self.faults,
            ring=self.ring,
            claims=lambda: callback_claims(EmulatorOptions(), ids, "resource") | {"azp": "app"},
        )

    def token(self, kind: str = "CallConnected") -> str | None:
        header = self.source.headers({"type": kind}).get("authorization")
        return header.removeprefix("Bearer ") if header is not None else None

    def claims(self) -> dict[str, object]:
        read: dict[str, object] = jwt.decode(str(self.token()), options={"verify_signature": False})
        return read


def test_two_tokens_of_one_second_differ() -> None:
    desk = Desk()
    assert desk.token() != desk.token()


def test_token_lives_five_minutes_for_the_resource() -> None:
    claims = Desk().claims()
    assert claims["exp"] == int(str(claims["iat"])) + 300
    assert claims["aud"] == "resource"


def test_fault_bites_only_what_it_matches() -> None:
    desk = Desk()
    desk.faults.arm({"name": "callbacks.unsigned", "match": {"type": "CallDisconnected"}})
    assert desk.token("CallConnected") is not None
    assert desk.token("CallDisconnected") is None
    assert desk.token("CallDisconnected") is not None


def test_replay_waits_until_there_is_a_token_to_repeat() -> None:
    desk = Desk()
    desk.faults.arm({"name": "callbacks.replayed"})
    first = desk.token()
    assert desk.token() == first
    assert desk.token() != first


def test_families_do_not_share_faults() -> None:
    desk = Desk("events")
    desk.faults.arm({"name": "callbacks.unsigned"})
    assert desk.token() is not None


@pytest.mark.parametrize(
    ("fault", "claim"), [("noExp", "exp"), ("wrongIssuer", "iss"), ("wrongCaller", "azp")]
)
def test_spoiled_claim_differs_and_the_next_token_is_whole(fault: str, claim: str) -> None:
    desk = Desk("events")
    whole = desk.claims()
    desk.faults.arm({"name": f"events.{fault}"})
    spoiled = desk.claims()
    assert (claim not in spoiled) == (fault == "noExp")
    assert spoiled.get(claim) != whole[claim]
    assert claim in desk.claims()

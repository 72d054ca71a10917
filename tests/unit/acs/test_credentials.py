from __future__ import annotations

import asyncio
import base64
import traceback
from datetime import UTC, datetime

import pytest

from recordingd.acs.credentials import (
    AccessKeyAuthorizer,
    AccessKeyCredential,
    Authorization,
    parse_connection_string,
)
from recordingd.acs.signing import Message, sign
from recordingd.domain.errors import ConfigurationError

PRIMARY = base64.b64encode(b"primary-key-of-the-resource-0001").decode()
SECONDARY = base64.b64encode(b"secondary-key-of-the-resource-02").decode()
AT = datetime(2026, 8, 4, 10, 0, 0, tzinfo=UTC)
MESSAGE = Message(method="GET", target="/a", host="contoso.example")


def make_authorizer(*keys: str) -> AccessKeyAuthorizer:
    return AccessKeyAuthorizer([AccessKeyCredential(key) for key in keys])


def authorize(authorizer: AccessKeyAuthorizer) -> Authorization:
    return asyncio.run(authorizer.authorize(MESSAGE, at=AT))


def signed_with(key: str) -> dict[str, str]:
    return sign(MESSAGE, key=base64.b64decode(key), at=AT)


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint=https://contoso.example/;accesskey={PRIMARY}",
        f"Endpoint=https://contoso.example;AccessKey={PRIMARY};",
        f"ACCESSKEY={PRIMARY};ENDPOINT=https://contoso.example//",
        f" endpoint = https://contoso.example ; accesskey = {PRIMARY} \n",
        f"endpoint=https://contoso.example;accesskey={PRIMARY};region=uk",
    ],
)
def test_connection_string_is_read_in_any_order_and_case(text: str) -> None:
    found = parse_connection_string(text)
    assert found.endpoint.url == "https://contoso.example"
    assert found.credential.sign(MESSAGE, at=AT) == signed_with(PRIMARY)


def test_connection_string_keeps_http_for_this_machine() -> None:
    found = parse_connection_string(f"endpoint=http://127.0.0.1:9/;accesskey={PRIMARY}")
    assert found.endpoint.url == "http://127.0.0.1:9"


def test_connection_string_refuses_http_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match="use https"):
        parse_connection_string(f"endpoint=http://contoso.example/;accesskey={PRIMARY}")


def test_connection_string_names_every_missing_part() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_connection_string("endpoint=;accesskey")
    assert "malformed" in str(caught.value)
    with pytest.raises(ConfigurationError) as caught:
        parse_connection_string("region=uk")
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint=https://contoso.example;accesskey={PRIMARY}!",
        f"endpoint=nonsense;accesskey={PRIMARY}",
        f"endpoint=https://contoso.example;accesskey={PRIMARY};accesskey={PRIMARY}",
        f"{PRIMARY};endpoint=https://contoso.example",
    ],
)
def test_no_error_about_a_connection_string_shows_the_key(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_connection_string(text)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert PRIMARY.rstrip("=") not in shown


@pytest.mark.parametrize("key", ["", "   ", "not base64!", "abc", "=", "äöü="])
def test_key_that_is_not_base64_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError):
        AccessKeyCredential(key)


def test_repr_shows_neither_key_nor_signature() -> None:
    found = parse_connection_string(f"endpoint=https://contoso.example;accesskey={PRIMARY}")
    authorization = authorize(make_authorizer(PRIMARY))
    shown = repr(found) + repr(authorization) + repr(found.credential)
    assert PRIMARY not in shown
    assert "primary-key" not in shown
    assert signed_with(PRIMARY)["Authorization"][-44:] not in shown


def test_refused_key_gives_way_to_the_next_one() -> None:
    authorizer = make_authorizer(PRIMARY, SECONDARY)
    first = authorize(authorizer)
    authorizer.reject(first)
    assert first.headers == signed_with(PRIMARY)
    assert authorize(authorizer).headers == signed_with(SECONDARY)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_refusals_of_requests_in_flight_together_move_on_once(count: int) -> None:
    authorizer = make_authorizer(PRIMARY, SECONDARY)
    together = [authorize(authorizer) for _ in range(count)]
    for authorization in together:
        authorizer.reject(authorization)
    assert authorize(authorizer).headers == signed_with(SECONDARY)


def test_after_the_last_key_the_first_is_tried_again() -> None:
    authorizer = make_authorizer(PRIMARY, SECONDARY)
    authorizer.reject(authorize(authorizer))
    authorizer.reject(authorize(authorizer))
    assert authorize(authorizer).headers == signed_with(PRIMARY)


def test_only_key_stays_in_use_after_a_refusal() -> None:
    authorizer = make_authorizer(PRIMARY)
    authorizer.reject(authorize(authorizer))
    assert authorize(authorizer).headers == signed_with(PRIMARY)


def test_authorizer_without_a_key_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        AccessKeyAuthorizer([])

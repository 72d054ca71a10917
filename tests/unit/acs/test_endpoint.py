from __future__ import annotations

import pytest

from recordingd.acs.endpoint import is_loopback_host, parse_endpoint
from recordingd.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "url", "authority"),
    [
        (
            "https://contoso.communication.azure.com",
            "https://contoso.communication.azure.com",
            "contoso.communication.azure.com",
        ),
        (
            "HTTPS://Contoso.Communication.Azure.COM/",
            "https://contoso.communication.azure.com",
            "contoso.communication.azure.com",
        ),
        ("https://contoso.example:443//", "https://contoso.example", "contoso.example"),
        ("https://contoso.example:8443", "https://contoso.example:8443", "contoso.example:8443"),
        ("http://127.0.0.1:41231/", "http://127.0.0.1:41231", "127.0.0.1:41231"),
        ("http://localhost:80", "http://localhost", "localhost"),
        ("http://[::1]:9", "http://[::1]:9", "[::1]:9"),
    ],
)
def test_endpoint_keeps_scheme_and_port_and_drops_slashes(
    text: str, url: str, authority: str
) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.url, endpoint.authority) == (url, authority)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "contoso.communication.azure.com",
        "ftp://contoso.example",
        "https://",
        "https://user@contoso.example",
        "https://contoso.example/path",
        "https://contoso.example?query",
        "https://contoso.example:",
        "https://contoso.example:0",
        "https://contoso.example:65536",
        "https://contoso.example:99999999999",
        "https://cöntoso.example",
    ],
)
def test_anything_but_scheme_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_endpoint(text)


@pytest.mark.parametrize("host", ["contoso.example", "10.0.0.1", "localhost.example", "128.0.0.1"])
def test_plain_http_is_refused_beyond_this_machine(host: str) -> None:
    with pytest.raises(ConfigurationError, match="use https"):
        parse_endpoint(f"http://{host}")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("[::1]", True),
        ("::1", True),
        ("126.255.255.255", False),
        ("128.0.0.0", False),
        ("[::2]", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
    ],
)
def test_loopback_is_recognised_by_value(host: str, *, is_loopback: bool) -> None:
    assert is_loopback_host(host) is is_loopback

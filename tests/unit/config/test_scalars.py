"""Texts with a meaning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest

from recordingd.config import scalars
from recordingd.config.scalars import ListenAddress
from recordingd.domain.matchers import Pattern

GOOD: list[tuple[Callable[[str], object], str, object]] = [
    (scalars.parse_pattern, "8:acs:*", Pattern("8:acs:*")),
    (scalars.parse_pattern, "*", Pattern("*")),
    (scalars.parse_phone_pattern, "+18005550100", Pattern("+18005550100")),
    (scalars.parse_phone_pattern, "+1800*", Pattern("+1800*")),
    (scalars.parse_phone_pattern, "+*", Pattern("+*")),
    (scalars.parse_phone_pattern, "+123456789012345", Pattern("+123456789012345")),
    (scalars.parse_moment, "2026-01-01T01:00:00+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
    (scalars.parse_moment, "2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
    (scalars.parse_moment, "2026-01-01T00:00:00.5Z", datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC)),
    (scalars.parse_local_time, "00:00", time(0, 0)),
    (scalars.parse_local_time, "23:59", time(23, 59)),
    (scalars.parse_local_date, "2028-02-29", date(2028, 2, 29)),
    (scalars.parse_time_zone, "Europe/London", "Europe/London"),
    (scalars.parse_percentage, "0%", 0.0),
    (scalars.parse_percentage, "0.5%", 0.005),
    (scalars.parse_percentage, "100%", 1.0),
    (
        scalars.parse_container_url,
        "https://a.blob.core.windows.net/b/",
        "https://a.blob.core.windows.net/b",
    ),
    (scalars.parse_container_url, "http://127.0.0.1:10000/b", "http://127.0.0.1:10000/b"),
    (
        scalars.parse_endpoint,
        "https://c.communication.azure.com/",
        "https://c.communication.azure.com",
    ),
    (scalars.parse_endpoint, "http://localhost:1", "http://localhost:1"),
    (scalars.parse_public_url, "https://recorder.example/base/", "https://recorder.example/base"),
    (scalars.parse_public_url, "http://[::1]:8080", "http://[::1]:8080"),
    (scalars.parse_storage_host, ".ASM.skype.com", ".asm.skype.com"),
    (scalars.parse_storage_host, "127.0.0.1", "127.0.0.1"),
    (scalars.parse_storage_host, "::1", "::1"),
    (scalars.parse_listen, "127.0.0.1:8080", ListenAddress(host="127.0.0.1", port=8080)),
    (scalars.parse_listen, "[::1]:0", ListenAddress(host="::1", port=0)),
    (scalars.parse_size, "50GB", 50 * 10**9),
    (scalars.parse_size, "2MiB", 2 * 2**20),
    (scalars.parse_rate, "200MB/s", 200 * 10**6),
    (scalars.parse_file_name, "acs-key", "acs-key"),
]
BAD: list[tuple[Callable[[str], object], str]] = [
    (scalars.parse_pattern, ""),
    (scalars.parse_pattern, "a*b"),
    (scalars.parse_pattern, "a**"),
    (scalars.parse_phone_pattern, "18005550100"),
    (scalars.parse_phone_pattern, "+0800555"),
    (scalars.parse_phone_pattern, "+1"),
    (scalars.parse_phone_pattern, "+1234567890123456"),
    (scalars.parse_phone_pattern, "+1800٣"),
    (scalars.parse_phone_pattern, "*"),
    (scalars.parse_moment, "2026-01-01"),
    (scalars.parse_moment, "2026-01-01T00:00:00"),
    (scalars.parse_moment, "2026-02-30T00:00:00Z"),
    (scalars.parse_moment, "0001-01-01T00:00:00+14:00"),
    (scalars.parse_moment, "2026-01-01T00:00:00+99:00"),
    (scalars.parse_local_time, "24:00"),
    (scalars.parse_local_time, "9:00"),
    (scalars.parse_local_date, "2027-02-29"),
    (scalars.parse_local_date, "20270228"),
    (scalars.parse_time_zone, "../../etc/passwd"),
    (scalars.parse_time_zone, "/etc/localtime"),
    (scalars.parse_time_zone, ""),
    (scalars.parse_percentage, "100.1%"),
    (scalars.parse_percentage, "-1%"),
    (scalars.parse_percentage, "10"),
    (scalars.parse_container_url, "https://a.blob.core.windows.net/"),
    (scalars.parse_container_url, "https://a.blob.core.windows.net/a/b"),
    (scalars.parse_container_url, "https://a.blob.core.windows.net/Upper"),
    (scalars.parse_container_url, "http://a.blob.core.windows.net/b"),
    (scalars.parse_container_url, "https://u:p@a.blob.core.windows.net/b"),
    (scalars.parse_container_url, "https://[/b"),
    (scalars.parse_endpoint, "http://c.communication.azure.com"),
    (scalars.parse_endpoint, "https://c.communication.azure.com/x"),
    (scalars.parse_endpoint, "c.communication.azure.com"),
    (scalars.parse_endpoint, "https://c:notaport"),
    (scalars.parse_public_url, "http://recorder.example"),
    (scalars.parse_public_url, "https://recorder.example?x=1"),
    (scalars.parse_storage_host, "https://x"),
    (scalars.parse_storage_host, "10.0.0.5"),
    (scalars.parse_storage_host, "0x7f.1"),
    (scalars.parse_storage_host, "2130706433"),
    (scalars.parse_storage_host, ".com"),
    (scalars.parse_endpoint, "https://host_x"),
    (scalars.parse_endpoint, "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}ro.example"),
    (scalars.parse_endpoint, "https://c:0"),
    (scalars.parse_storage_host, "a.example:443"),
    (scalars.parse_storage_host, ""),
    (scalars.parse_storage_host, "."),
    (scalars.parse_listen, "8080"),
    (scalars.parse_listen, "127.0.0.1:65536"),
    (scalars.parse_listen, "::1:80"),
    (scalars.parse_listen, "127.0.0.1:http"),
    (scalars.parse_size, "50"),
    (scalars.parse_size, "50gb"),
    (scalars.parse_rate, "200MB"),
    (scalars.parse_file_name, "../key"),
    (scalars.parse_file_name, ".."),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_good_text_has_its_value(parse: Callable[[str], object], text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text"), BAD)
def test_bad_text_is_refused_with_a_sentence(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        parse(text)


def test_signature_of_a_container_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="container") as caught:
        scalars.parse_container_url("https://a.blob.core.windows.net/b?sig=geheim")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("1 (800) 555-0100", "+18005550100"), ("0044 20 7946 0018", "+442079460018")],
)
def test_number_in_another_form_suggests_its_own(text: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match=rf"did you mean '\{suggestion}'"):
        scalars.parse_phone_pattern(text)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:2"])
def test_listen_address_is_written_as_it_was_read(address: str) -> None:
    assert str(scalars.parse_listen(address)) == address


@pytest.mark.parametrize(
    ("host", "is_here"),
    [("localhost", True), ("127.0.0.53", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_loopback_is_this_machine(host: str, *, is_here: bool) -> None:
    assert scalars.is_loopback(host) is is_here

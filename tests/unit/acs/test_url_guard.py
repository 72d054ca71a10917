from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from recordingd.acs.endpoint import parse_endpoint
from recordingd.acs.url_guard import DEFAULT_STORAGE_HOSTS, UrlGuard, guard_for
from recordingd.domain.errors import ConfigurationError, UrlRefused

PATH = "/v1/objects/0-wus-d2-x/content/audio"


def make_guard(
    endpoint: str = "https://contoso.communication.azure.com",
    storage_hosts: tuple[str, ...] = DEFAULT_STORAGE_HOSTS,
) -> UrlGuard:
    return guard_for(parse_endpoint(endpoint), storage_hosts=storage_hosts)


def is_refused(guard: UrlGuard, url: str) -> bool:
    try:
        guard.check(url)
    except UrlRefused:
        return True
    return False


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (f"https://us-storage.asm.skype.com{PATH}", f"https://us-storage.asm.skype.com{PATH}"),
        (f"https://a.as.asm.skype.com{PATH}", f"https://a.as.asm.skype.com{PATH}"),
        (f"HTTPS://US-Storage.ASM.Skype.com{PATH}", f"https://us-storage.asm.skype.com{PATH}"),
        (f"https://us-storage.asm.skype.com.{PATH}", f"https://us-storage.asm.skype.com{PATH}"),
        (f"https://us-storage.asm.skype.com:443{PATH}", f"https://us-storage.asm.skype.com{PATH}"),
        ("https://eu.asyncgw.teams.microsoft.com/x", "https://eu.asyncgw.teams.microsoft.com/x"),
        ("https://g.ams.gov.teams.microsoft.us/x", "https://g.ams.gov.teams.microsoft.us/x"),
        ("https://a.asm.skype.com", "https://a.asm.skype.com/"),
        ("https://a.asm.skype.com?q=1", "https://a.asm.skype.com/?q=1"),
        ("https://a.asm.skype.com/x?", "https://a.asm.skype.com/x"),
        (
            "https://a.asm.skype.com/a%3Db;v=1//c?sig=x%2By/z&t=%E2%82%AC",
            "https://a.asm.skype.com/a%3Db;v=1//c?sig=x%2By/z&t=%E2%82%AC",
        ),
        (
            "https://contoso.communication.azure.com/x",
            "https://contoso.communication.azure.com/x",
        ),
    ],
)
def test_listed_url_is_sent_in_its_plain_form(url: str, sent: str) -> None:
    guarded = make_guard().check(url)
    assert guarded.url == sent
    assert guarded.url.endswith(guarded.target)
    assert guarded.target.startswith("/")


HOSTILE = (
    # other schemes, and none
    "http://us-storage.asm.skype.com/x",
    "ftp://us-storage.asm.skype.com/x",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "gopher://us-storage.asm.skype.com/x",
    "//us-storage.asm.skype.com/x",
    "/v1/objects/x",
    "us-storage.asm.skype.com/x",
    "",
    "https:",
    "https://",
    "https:///x",
    "https:us-storage.asm.skype.com/x",
    "https:/us-storage.asm.skype.com/x",
    # user information and other ways to hide the host
    "https://user@us-storage.asm.skype.com/x",
    "https://user:pass@us-storage.asm.skype.com/x",
    "https://us-storage.asm.skype.com@evil.example/x",
    "https://us-storage.asm.skype.com:443@evil.example/x",
    "https://evil.example\\@us-storage.asm.skype.com/x",
    "https://us-storage.asm.skype.com\\@evil.example/x",
    "https:\\\\us-storage.asm.skype.com\\x",
    "https://evil.example#@us-storage.asm.skype.com/x",
    "https://evil.example?@us-storage.asm.skype.com/x",
    "https://evil.example/@us-storage.asm.skype.com/x",
    "https://evil.example;us-storage.asm.skype.com/x",
    "https://evil.example%2f.asm.skype.com/x",
    "https://evil.example%00.asm.skype.com/x",
    # names that only look listed
    "https://evil.example/x",
    "https://asm.skype.com/x",
    "https://.asm.skype.com/x",
    "https://a..asm.skype.com/x",
    "https://asm.skype.com.evil.example/x",
    "https://evilasm.skype.com/x",
    "https://us-storage.asm.skype.com.evil.example/x",
    "https://us-storage.asm.skype.com../x",
    "https://us-storage-asm.skype.com/x",
    "https://contoso.communication.azure.com.evil.example/x",
    "https://evil.contoso.communication.azure.com/x",
    "https://-a.asm.skype.com/x",
    "https://a_b.asm.skype.com/x",
    f"https://{'a' * 64}.asm.skype.com/x",
    f"https://{'a.' * 130}asm.skype.com/x",
    "https://us-storage.asm.skype.com\u200b/x",
    "https://us-storage.asⓜ.skype.com/x",
    "https://us-storage。asm。skype。com/x",
    "https://us-stor\u0430ge.asm.skype.com/x",
    # ports
    "https://us-storage.asm.skype.com:/x",
    "https://us-storage.asm.skype.com:80/x",
    "https://us-storage.asm.skype.com:8443/x",
    "https://us-storage.asm.skype.com:0443/x",
    "https://us-storage.asm.skype.com:65536/x",
    "https://us-storage.asm.skype.com:443:443/x",
    "https://contoso.communication.azure.com:8443/x",
    "http://contoso.communication.azure.com/x",
    # addresses, in every spelling
    "https://127.0.0.1/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/metadata/instance",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0x7f.1/x",
    "https://127.1/x",
    "https://0/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[fe80::1%25eth0]/x",
    "https://localhost/x",
    # white space and control characters
    " https://us-storage.asm.skype.com/x",
    "https://us-storage.asm.skype.com/x ",
    "https://us-storage.asm.skype.com/x\n",
    "https://us-storage.asm.skype.com\r\nHost: evil.example/x",
    "https://us-storage.asm.skype.com/x HTTP/1.1\r\nHost: evil.example",
    "https://us-storage.\tasm.skype.com/x",
    "ht\ntps://us-storage.asm.skype.com/x",
    "https://us-storage.asm.skype.com/\x00",
    "https://us-storage.asm.skype.com/\ud800",
    # paths and queries that somebody would rewrite after they were signed
    "https://us-storage.asm.skype.com/a/../b",
    "https://us-storage.asm.skype.com/./b",
    "https://us-storage.asm.skype.com/a/%2e%2E/b",
    "https://us-storage.asm.skype.com/..",
    "https://us-storage.asm.skype.com/%zz",
    "https://us-storage.asm.skype.com/%",
    "https://us-storage.asm.skype.com/ä",
    "https://us-storage.asm.skype.com/a b",
    'https://us-storage.asm.skype.com/"',
    "https://us-storage.asm.skype.com/<x>",
    "https://us-storage.asm.skype.com/a\\b",
    "https://us-storage.asm.skype.com/x#fragment",
    "https://us-storage.asm.skype.com/x?q=|",
    f"https://us-storage.asm.skype.com/{'x' * 9000}",
)


def test_there_are_at_least_60_hostile_urls() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.mark.parametrize("url", HOSTILE, ids=ascii)
def test_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        make_guard().check(url)


def test_refusal_names_the_host_and_not_the_query() -> None:
    with pytest.raises(UrlRefused, match=r"evil\.example") as caught:
        make_guard().check("https://evil.example/x?sig=SECRETSIGNATURE")
    assert "SECRETSIGNATURE" not in str(caught.value)


LABELS = st.text("abcxyz019-._:/@#?%\\[]\t é", max_size=12)
HOST_PIECES = st.sampled_from(
    [
        *("asm", "skype", "com", "us-storage", ".asm.skype.com", "evil.example", ".", "..", "@"),
        *(":", ":443", ":80", "%2e", "\\", "/", "?", "#", "127.0.0.1", "[::1]", "localhost"),
        *("contoso.communication.azure.com", "user:pass@", "\n", " ", "\u3002", "xn--e1a"),
    ]
)
URLS = st.builds(
    lambda scheme, host, tail: f"{scheme}{''.join(host)}{tail}",
    st.sampled_from(["https://", "http://", "HTTPS://", "https:", "//", "", "ftp://", "https:/\\"]),
    st.lists(st.one_of(HOST_PIECES, LABELS), max_size=6),
    st.one_of(st.just(""), st.text(max_size=20), st.text("/.%2eE?&=a", max_size=20)),
)


def is_on_the_list(host: str) -> bool:
    return host == "contoso.communication.azure.com" or host.endswith(DEFAULT_STORAGE_HOSTS)


@given(url=URLS)
def test_what_is_let_through_goes_to_a_listed_host_for_every_reader(url: str) -> None:
    guard = make_guard()
    if is_refused(guard, url):
        return
    guarded = guard.check(url)
    as_httpx, as_yarl = httpx.URL(guarded.url), URL(guarded.url, encoded=True)
    assert as_httpx.scheme == as_yarl.scheme == "https"
    assert as_httpx.host == as_yarl.host
    assert is_on_the_list(as_httpx.host)
    assert (as_httpx.port, as_yarl.port) == (None, 443)
    assert not as_httpx.userinfo
    assert as_yarl.user is None


TARGETS = st.text("abz09._~!$&'()*+,;=:@-/%?2e", max_size=40).map(lambda text: f"/{text}")


@given(target=TARGETS)
def test_what_is_let_through_is_sent_as_it_is_signed(target: str) -> None:
    guard = make_guard()
    url = f"https://us-storage.asm.skype.com{target}"
    if is_refused(guard, url):
        return
    guarded = guard.check(url)
    assert guarded.target == target.removesuffix("?") or guarded.target == target
    assert httpx.URL(guarded.url).raw_path.decode() == guarded.target
    assert str(httpx.URL(guarded.url)) == guarded.url
    assert URL(guarded.url, encoded=True).raw_path_qs == guarded.target


@given(url=st.text(max_size=60))
def test_any_text_is_either_refused_or_let_through(url: str) -> None:
    assert is_refused(make_guard(), url) in {True, False}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:41231/x",
        "http://127.0.0.1:5/x",
        "https://127.0.0.1:41231/x",
        "https://127.0.0.1/x",
        "http://localhost:7/x",
    ],
)
def test_loopback_storage_matches_any_port_beside_a_loopback_resource(url: str) -> None:
    guard = make_guard("http://127.0.0.1:41231", ("127.0.0.1", "localhost"))
    assert guard.check(url).url == url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5/x", "https://127.0.0.1/x", "https://localhost/"]
)
def test_loopback_storage_is_refused_beside_a_real_resource(url: str) -> None:
    guard = make_guard(storage_hosts=("127.0.0.1", "localhost", ".asm.skype.com"))
    assert is_refused(guard, url)


def test_loopback_hosts_that_are_not_listed_are_refused() -> None:
    guard = make_guard("http://127.0.0.1:41231", ("127.0.0.1",))
    assert is_refused(guard, "http://127.0.0.2:41231/x")
    assert is_refused(guard, "http://localhost:41231/x")


def test_loopback_resource_does_not_relax_real_hosts() -> None:
    guard = make_guard("http://127.0.0.1:41231", ("127.0.0.1", ".asm.skype.com"))
    assert is_refused(guard, "http://us.asm.skype.com/x")
    assert is_refused(guard, "https://us.asm.skype.com:8443/x")
    assert not is_refused(guard, "https://us.asm.skype.com/x")


def test_exact_entry_does_not_match_names_below_it() -> None:
    guard = make_guard(storage_hosts=("Storage.Example.",))
    assert not is_refused(guard, "https://storage.example/x")
    assert is_refused(guard, "https://a.storage.example/x")


@pytest.mark.parametrize(
    "entry", ["", ".", "..", ".com", "*", "*.asm.skype.com", "https://a.example", "a b", "10.0.0.1"]
)
def test_entry_that_is_no_host_or_lets_too_much_in_is_refused(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="storageHosts"):
        make_guard(storage_hosts=(".asm.skype.com", entry))

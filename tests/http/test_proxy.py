"""Requests through OUTBOUND_PROXY: the tunnel, its refusals, the exceptions and the address filter."""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayna import http
from sayna.config import ConfigError, OutboundConfig, load_config
from sayna.http.connection_pool import pool
from sayna.http.proxy import MAX_HEAD
from tests.http.exchange import AUDIO, send
from tests.http.test_tls import trust
from tests.wire import FaultServer, answers
from tests.wire.certificates import Authority
from tests.wire.connect_proxy import ConnectProxy, connect_proxy

NAME = "vendor.example.com"
# An address of this machine that is no loopback address by its form.
ANY = "0.0.0.0"


def use(proxy: ConnectProxy | None, user: str = "", exceptions: str = "") -> None:
    given = {"OUTBOUND_PROXY": f"http://{user}127.0.0.1:{proxy.port}"} if proxy else {}
    http.set_way_out(load_config({**given, "OUTBOUND_PROXY_EXCEPT": exceptions}).outbound)


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    # The authorities of an earlier test must not count: theirs has the same name and another key.
    http.set_way_out(OutboundConfig())
    pool.cache_clear()
    with connect_proxy() as proxy:
        use(proxy)
        yield proxy
        http.set_way_out(OutboundConfig())
    pool.cache_clear()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority.create(tmp_path)
    trust(authority)
    return authority


def test_tls_goes_through_the_tunnel_and_is_reused(proxy: ConnectProxy, authority: Authority) -> None:
    with FaultServer(tls=authority.server(ANY)) as server:
        server.always(answers.whole(AUDIO))

        assert [send(f"https://{ANY}:{server.port}/speak").read() for _ in range(2)] == [AUDIO, AUDIO]
        assert proxy.targets == [f"{ANY}:{server.port}"]
        assert "Proxy-Authorization" not in proxy.heads[0]
        assert "canary" not in proxy.heads[0]
        assert "proxy-authorization" not in server.hits[0].headers


def test_certificate_is_checked_behind_the_proxy(proxy: ConnectProxy, authority: Authority) -> None:
    with FaultServer(tls=authority.server("127.0.0.9")) as server, pytest.raises(http.Unreachable):
        send(f"https://{ANY}:{server.port}/")
    assert len(proxy.heads) == 1


def test_credentials_go_to_the_proxy_alone(proxy: ConnectProxy) -> None:
    use(proxy, user="gate%40way:p%3Ass@".replace("ss@", "ss%2F@"))
    with FaultServer() as server:
        server.always(answers.whole(AUDIO))
        assert send(f"http://{NAME}:{server.port}/").read() == AUDIO

        [line] = [line for line in proxy.heads[0].split("\r\n") if line.startswith("Proxy-Authorization: Basic ")]
        assert b64decode(line.rpartition(" ")[2]) == b"gate@way:p:ss/"
        assert "proxy-authorization" not in server.hits[0].headers


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("", "127.0.0.1", True),
        ("", "localhost", True),
        ("", "0.0.0.0", False),
        ("0.0.0.0/8", "0.0.0.0", True),
        ("example.com", NAME, True),
        (".example.com.", "VENDOR.example.com", True),
        ("ample.com", NAME, False),
        ("10.0.0.0/8, fd00::/8", "10.1.2.3", True),
        ("10.0.0.0/8, fd00::/8", "[fd00::1]", True),
        ("10.0.0.0/8", "11.1.2.3", False),
    ],
)
def test_exceptions_are_reached_directly(proxy: ConnectProxy, exceptions: str, host: str, direct: bool) -> None:
    use(proxy, exceptions=exceptions)
    assert (http.proxy_for(host) is None) is direct


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refuses vendor.example.com with 407"),
        (b"HTTP/1.0 403 Filtered\r\nContent-Length: 900\r\n\r\n<html>", "with 403"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "with no status"),
        (b"", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEAD // 6), ""),
    ],
)
def test_refusal_of_the_proxy_is_unreachable(
    proxy: ConnectProxy, caplog: pytest.LogCaptureFixture, answer: bytes, logged: str
) -> None:
    proxy.answer = answer
    http.proxy.logger.__init__(http.proxy.logger._log)  # type: ignore[misc]
    with pytest.raises(http.Unreachable):
        send(f"https://{NAME}/")
    assert logged in caplog.text


def test_proxy_that_is_away_is_unreachable(proxy: ConnectProxy) -> None:
    proxy.close()
    with pytest.raises(http.Unreachable):
        send(f"https://{NAME}/")


def test_filter_sees_the_address_and_the_proxy_gets_no_name(proxy: ConnectProxy) -> None:
    seen: list[str] = []

    def allow(address: str) -> bool:
        seen.append(address)
        return True

    with FaultServer() as server:
        server.always(answers.whole(AUDIO))
        response = send(f"http://0.0.0.0:{server.port}/", method="POST", data=b"{}", address_filter=allow)
        assert response.read() == AUDIO
        assert proxy.targets == [f"0.0.0.0:{server.port}"]
    assert seen == ["0.0.0.0"]


@pytest.mark.parametrize("host", ["0.0.0.0", "no-such-name.invalid"])
def test_what_the_filter_cannot_allow_never_reaches_the_proxy(proxy: ConnectProxy, host: str) -> None:
    with pytest.raises(http.Unreachable):
        send(f"https://{host}/", method="POST", data=b"{}", address_filter=http.is_public)
    assert proxy.heads == []


def test_variables_of_other_programs_do_not_count(proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    use(None)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    with FaultServer() as server:
        server.always(answers.whole(AUDIO))
        assert send(f"http://0.0.0.0:{server.port}/").read() == AUDIO
    assert proxy.heads == []


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.example.com:3128",
        "proxy:3128",
        "http://proxy:0",
        "http://proxy:70000",
        "http://a b:1",
        "http://u:p@",
    ],
)
def test_url_that_is_no_proxy_stops_the_start(url: str) -> None:
    with pytest.raises(ConfigError, match="OUTBOUND_PROXY") as caught:
        load_config({"OUTBOUND_PROXY": url})
    assert "http://user:password@host:port" in str(caught.value)


def test_password_of_the_proxy_is_not_shown() -> None:
    config = load_config({"OUTBOUND_PROXY": "http://gateway:canary-password@proxy.example.com"})
    assert config.outbound.proxy is not None
    assert config.outbound.proxy.port == 3128
    assert "canary" not in repr(config)

"""A vendor behind a real tinyproxy, which wants a user and a password."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.e2e.servers import Gunicorn, answers, free_port, started
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address
from tests.programs import needs
from tests.wire.certificates import Authority

# An address of this machine that is no loopback address by its form: the proxy is for all others.
ANY = "0.0.0.0"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


@pytest.fixture
def vendor(authority: Authority) -> Iterator[Vendor]:
    with Vendor() as vendor:
        vendor.socket = authority.server(ANY).wrap_socket(vendor.socket, server_side=True)
        yield vendor


@pytest.fixture
def proxy(tmp_path: Path, vendor: Vendor) -> Iterator[Address]:
    program = needs("tinyproxy", "apt-get install tinyproxy-bin")
    address = Address(port=free_port())
    settings = tmp_path / "tinyproxy.conf"
    settings.write_text(
        f"Port {address.port}\nListen 127.0.0.1\nBasicAuth gateway s3cret\nConnectPort {vendor.server_port}\n"
    )
    log = tmp_path / "tinyproxy.log"
    running = started(
        Program([program, "-d", "-c", str(settings)], cwd=tmp_path, env={}, log=log), lambda: answers(address)
    )
    yield address
    running.stop()


@contextmanager
def sayna(folder: Path, vendor: Vendor, **settings: str) -> Iterator[Address]:
    address = Address(port=free_port())
    base = {
        "DEEPGRAM_BASE_URL": f"https://{ANY}:{vendor.server_port}",
        "TLS_CA_FILE": str(folder / "authority.pem"),
        "WEB_CONCURRENCY": "1",
    }
    server = started(Gunicorn(folder, address, vendor.settings | base | settings), lambda: answers(address))
    try:
        yield address
    finally:
        server.stop()


def test_vendor_is_reached_through_the_proxy(tmp_path: Path, vendor: Vendor, proxy: Address) -> None:
    with sayna(tmp_path, vendor, OUTBOUND_PROXY=f"http://gateway:s3cret@127.0.0.1:{proxy.port}") as address:
        spoken = address.speak("Through the proxy.", provider="deepgram")

    assert spoken.status == 200
    assert len(vendor.calls) == 1
    assert "CONNECT 0.0.0.0" in (tmp_path / "tinyproxy.log").read_text()


def test_wrong_password_of_the_proxy_is_in_the_log(tmp_path: Path, vendor: Vendor, proxy: Address) -> None:
    with sayna(tmp_path, vendor, OUTBOUND_PROXY=f"http://gateway:wrong@127.0.0.1:{proxy.port}") as address:
        spoken = address.speak("Refused by the proxy.", provider="deepgram")

    assert (spoken.status, spoken.json()["code"]) == (500, "PROVIDER_ERROR")
    assert vendor.calls == []
    log = (tmp_path / "gunicorn.log").read_text()
    # tinyproxy answers 401 where RFC 9110 has 407.
    assert re.search("OUTBOUND_PROXY refuses 0.0.0.0 with 40[17]", log)
    assert "wrong" not in log


def test_exception_is_reached_without_the_proxy(tmp_path: Path, vendor: Vendor, proxy: Address) -> None:
    url = f"http://gateway:wrong@127.0.0.1:{proxy.port}"
    with sayna(tmp_path, vendor, OUTBOUND_PROXY=url, OUTBOUND_PROXY_EXCEPT="0.0.0.0/32, internal.example") as address:
        assert address.speak("Around the proxy.", provider="deepgram").status == 200

    assert len(vendor.calls) == 1

"""deploy/nginx-site.conf: Sayna as one site of an nginx that serves others too."""

import getpass
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.program import until
from tests.e2e.servers import ROOT, Nginx, answers, started
from tests.e2e.wire import Address

SITE = ROOT / "deploy" / "nginx-site.conf"
HOST = {"Host": "speech.example.com"}
# As Debian 12 ships it, with a site of another program.
STOCK = """\
user {user};
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    {scratch}
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    access_log {folder}/other.log;
    gzip on;
    include {folder}/sites-enabled/*;
}}
"""
OTHER = "server {{ listen 127.0.0.1:{port} default_server; return 200 'another site'; }}\n"


def rendered(folder: Path, upstream: Path, port: int) -> Path:
    """Return a stock configuration that includes the site and another one."""
    sites = folder / "sites-enabled"
    sites.mkdir()
    text = SITE.read_text("utf-8")
    for shipped, ours in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("/run/sayna/sayna.sock", str(upstream)),
        ("/var/cache/sayna-clips", f"{folder}/clips"),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert shipped in text
        text = text.replace(shipped, ours)
    (sites / "sayna").write_text(text, "utf-8")
    (sites / "default").write_text(OTHER.format(port=port))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    path = folder / "nginx.conf"
    path.write_text(STOCK.format(user=getpass.getuser(), folder=folder, scratch=scratch))
    return path


@pytest.fixture
def site(tmp_path: Path, server: StartServer) -> Iterator[Nginx]:
    socket = tmp_path / "sayna.sock"
    server(at=Address(path=socket))
    folder = tmp_path / "nginx"
    folder.mkdir()
    program = Nginx(folder, socket, rendered)
    with started(program, lambda: answers(program.address)):
        yield program


def test_site_is_written_from_the_whole_configuration() -> None:
    written = runpy.run_path(str(ROOT / "scripts" / "nginx_site.py"))["site"]

    whole = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    assert SITE.read_text("utf-8") == written(whole), "run python scripts/nginx_site.py"


def test_nginx_finds_nothing_wrong_beside_another_site(site: Nginx, tmp_path: Path) -> None:
    argv = ["nginx", "-t", "-p", str(tmp_path / "nginx"), "-c", str(tmp_path / "nginx" / "nginx.conf")]
    tested = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr


def test_site_serves_sayna_and_leaves_the_others_alone(site: Nginx) -> None:
    assert site.address.ask("GET", "/", None, **HOST).body.strip() == b'{"status":"ok"}'
    assert site.address.ask("POST", "/speak", {"text": "Hello"}, **HOST).status == 200
    missing = site.address.ask("GET", "/none", None, **HOST)
    assert (missing.status, b'"code":' in missing.body) == (404, True)
    assert site.address.ask("GET", "/anything").body == b"another site"
    large = site.address.ask("POST", "/speak", {"text": "x" * 2**21}, **HOST)
    assert (large.status, b"PAYLOAD_TOO_LARGE" in large.body) == (413, True)


def test_site_writes_no_query_into_any_log(site: Nginx, tmp_path: Path) -> None:
    site.address.ask("GET", "/voices?api_key=canary", None, **HOST)

    def logs() -> bytes:
        return b"".join(path.read_bytes() for path in (tmp_path / "nginx").glob("*.log"))

    # nginx writes the line when it has sent the response.
    until(lambda: b"/voices" in logs(), 30, "nginx has logged the request")
    assert b"canary" not in logs()

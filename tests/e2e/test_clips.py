"""Clip URLs through the shipped nginx, played by the programs that people have."""

import io
import itertools
import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from cachecontrol import CacheControl

from sayna.audio.file_endings import ENDINGS
from tests.blueprints.clips import SECRET, VOICE, digest, path_of
from tests.e2e.clip_site import SETTINGS, ClipSite, clip_site, run
from tests.e2e.conftest import start_gunicorn
from tests.e2e.program import until
from tests.e2e.servers import Nginx, answers, free_port, rendered, started
from tests.e2e.wire import Address

CURL = "apt-get install curl"
OPENSSL = "apt-get install openssl"
RAW = {
    "ulaw": ("mu-law", 8, 8000),
    "alaw": ("a-law", 8, 8000),
    "sln": ("signed-integer", 16, 8000),
    "sln16": ("signed-integer", 16, 16000),
    "sln24": ("signed-integer", 16, 24000),
    "sln48": ("signed-integer", 16, 48000),
    "r8": ("signed-integer", 16, 8000),
    "r16": ("signed-integer", 16, 16000),
}


CODECS = {
    "wav": "pcm_s16le",
    "wav16": "pcm_s16le",
    "wavu": "pcm_mulaw",
    "wava": "pcm_alaw",
    "mp3": "mp3",
    "ogg": "opus",
    "flac": "flac",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClipSite]:
    with clip_site(tmp_path_factory.mktemp("clips")) as site:
        yield site


def curl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return run("curl", "--silent", "--show-error", *arguments, how_to_get=CURL)


def head_of(output: bytes) -> tuple[str, dict[str, str]]:
    """Return the status line and the headers of what curl printed; every line is short enough for Asterisk."""
    lines = output.decode().split("\r\n\r\n")[0].split("\r\n")
    assert max(map(len, lines)) < 1000
    return lines[0], {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}


def test_curl_gets_head_range_and_304_as_the_rules_say(site: ClipSite, tmp_path: Path) -> None:
    url, file = site.clip("Please hold the line."), tmp_path / "clip.wav"
    assert curl("--max-filesize", "1000000", "-o", str(file), url).returncode == 0
    audio = file.read_bytes()

    for options in (("-I",), ("-I", "-0"), ("-D", "-", "-o", "/dev/null"), ("-0", "-D", "-", "-o", "/dev/null")):
        status, headers = head_of(curl(*options, url).stdout)
        assert status.split()[1] == "200", options
        assert headers["content-length"] == str(len(audio))
        assert headers["content-type"] == "audio/wav"
        assert headers["cache-control"] == "public, max-age=2592000"
        assert headers["accept-ranges"] == "bytes"
        assert not {"vary", "set-cookie", "transfer-encoding", "location"} & set(headers)
    assert curl("-0", url).stdout == audio
    assert curl("-r", "0-9", url).stdout == audio[:10]
    assert curl("-r", "0-9", "-I", url).stdout.startswith(b"HTTP/1.1 206")
    assert curl("-r", "0-3,8-9", url).stdout == audio
    for condition in (f"If-None-Match: {headers['etag']}", f"If-Modified-Since: {headers['last-modified']}"):
        for method in ("GET", "HEAD"):
            option = ("-I",) if method == "HEAD" else ("-D", "-", "-o", "/dev/null")
            answered = curl(*option, "-H", condition, url)
            assert b" 304 " in answered.stdout.splitlines()[0], condition


def test_wget_ffprobe_and_mpg123_take_the_url(site: ClipSite) -> None:
    spider = run("wget", "-S", "--spider", site.clip("For wget"), how_to_get="apt-get install wget")
    assert spider.returncode == 0, spider.stderr
    for ext, codec in CODECS.items():
        options = ("-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0")
        found = run("ffprobe", *options, site.clip("For ffprobe", ext), how_to_get="apt-get install ffmpeg")
        assert found.stdout.decode().strip() == codec, found.stderr
    heard = run("mpg123", "-t", site.clip("For mpg123", "mp3"), how_to_get="apt-get install mpg123")
    assert heard.returncode == 0, heard.stderr
    assert b"Decoding of" in heard.stderr


@pytest.mark.parametrize("ext", RAW)
def test_sox_reads_each_raw_ending(site: ClipSite, tmp_path: Path, ext: str) -> None:
    encoding, bits, rate = RAW[ext]
    file = tmp_path / f"clip.{ext}"
    curl("-o", str(file), site.clip("For sox, one two three.", ext))
    kind = ("-t", "raw", "-r", str(rate), "-e", encoding, "-b", str(bits), "-c", "1")
    said = run("sox", *kind, str(file), "-n", "stat", how_to_get="apt-get install sox").stderr.decode()

    figures = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert 0.8 < float(figures["Length (seconds)"]) < 4
    assert float(figures["Maximum amplitude"]) > 0.1


def test_asterisk_and_httapi_sequences_are_answered(site: ClipSite) -> None:
    pycurl = pytest.importorskip("pycurl")
    url = site.clip("For Asterisk", "ulaw")

    def asked(*headers: str, nobody: bool = False) -> tuple[int, bytes, dict[str, str]]:
        body, head, handle = io.BytesIO(), io.BytesIO(), pycurl.Curl()
        options = {
            pycurl.URL: url,
            pycurl.FOLLOWLOCATION: 1,
            pycurl.MAXREDIRS: 8,
            pycurl.TIMEOUT: 180,
            pycurl.USERAGENT: "asterisk-libcurl-agent/1.0",
            pycurl.NOBODY: int(nobody),
            pycurl.HTTPHEADER: list(headers),
            pycurl.WRITEDATA: body,
            pycurl.HEADERFUNCTION: head.write,
            pycurl.FAILONERROR: 1,
        }
        for option, value in options.items():
            handle.setopt(option, value)
        handle.perform()
        status, redirects = handle.getinfo(pycurl.RESPONSE_CODE), handle.getinfo(pycurl.REDIRECT_COUNT)
        handle.close()
        assert redirects == 0
        return status, body.getvalue(), head_of(head.getvalue())[1]

    # res_http_media_cache: GET once, later HEAD with the ETag that it kept.
    status, audio, headers = asked()
    assert (status, len(audio)) == (200, int(headers["content-length"]))
    assert asked(f"If-None-Match: {headers['etag']}", nobody=True)[0] == 304
    # mod_httapi: HEAD first, gives up on anything but 200, compares the length; then GET.
    status, nothing, first = asked(nobody=True)
    assert (status, nothing) == (200, b"")
    assert (asked()[1], first["content-length"], first["etag"]) == (audio, str(len(audio)), headers["etag"])


def test_a_http_cache_asks_only_once(site: ClipSite) -> None:
    url = site.clip("For a cache")
    with CacheControl(requests.Session()) as session:
        first, second = session.get(url, timeout=30), session.get(url, timeout=30)

    assert (getattr(first, "from_cache"), getattr(second, "from_cache")) == (False, True)  # noqa: B009
    assert first.content == second.content


def test_what_openssl_signs_is_played(site: ClipSite) -> None:
    script = """
    secret=$1 payload=$(printf '%s' "$2" | openssl base64 -A | tr '+/' '-_' | tr -d '=')
    key=$(printf 'tenant:' | openssl dgst -sha256 -hmac "$secret" -r | cut -c 1-64)
    signature=$(printf '%s.wav' "$payload" | openssl dgst -sha256 -hmac "$key" -r | cut -c 1-32)
    printf '/clip/%s/%s.wav' "$payload" "$signature"
    """
    text = json.dumps({"t": "Signed by hand — für dich", **VOICE}, ensure_ascii=False)
    made = subprocess.run(["sh", "-euc", script, "sh", SECRET, text], capture_output=True, text=True, check=True)

    assert site.public.ask("GET", made.stdout).status == 200
    for at in (10, len(made.stdout) - 20):
        changed = made.stdout[:at] + ("A" if made.stdout[at] != "A" else "B") + made.stdout[at + 1 :]
        assert site.public.ask("GET", changed).status == 404
    assert site.public.ask("GET", made.stdout.replace(".wav", ".mp3")).status == 404
    assert site.public.ask("GET", made.stdout[:-4] + ".ulaw").headers["content-type"] == "text/plain; charset=utf-8"


def test_200_first_requests_cost_one_vendor_call(site: ClipSite) -> None:
    path = site.paid("Two hundred at once")
    site.vendor.calls.clear()
    site.vendor.pause = 0.02
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: site.public.ask("GET", path), range(200)))
    site.vendor.pause = 0

    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {site.vendor.whole}
    assert [call.text for call in site.vendor.calls] == ["Two hundred at once"]


def test_nginx_plays_again_without_sayna(site: ClipSite) -> None:
    path = site.paid("Kept by nginx")
    first = site.public.ask("GET", path, X_Request_ID="first")
    until(lambda: "first" in site.reached, 30, "Sayna has logged the first request")
    again = [
        site.public.ask("GET", path, Cache_Control="no-cache", Pragma="no-cache"),
        site.public.ask("GET", f"{path}?fresh=1", Authorization="Bearer x", Cookie="a=b"),
        site.public.ask("HEAD", path),
        site.public.ask("GET", path, Range="bytes=0-3"),
        site.public.ask("GET", path, If_None_Match=first.headers["etag"]),
        site.public.ask("GET", path, X_Request_ID="mine"),
    ]

    assert [answer.status for answer in again] == [200, 200, 200, 206, 304, 200]
    ids = [answer.headers["x-request-id"] for answer in (first, *again)]
    assert not site.reached & set(ids[1:])
    assert (ids[0], ids[-1], len(set(ids))) == ("first", "mine", 7)
    beyond = site.public.ask("GET", path, Range="bytes=999999-")
    assert (beyond.status, beyond.headers["content-type"]) == (416, "text/plain")


def test_nginx_keeps_no_clip_beyond_its_expiry_and_no_error(site: ClipSite) -> None:
    path = expiring(site, "Soon over")
    until(lambda: site.public.ask("GET", path).status == 410, 60, "it has expired")
    wrong = path.replace(".sln24", ".mp3")
    asked_twice(site, wrong, 404)


def expiring(site: ClipSite, text: str) -> str:
    """Return the path of a clip that was played before it expired, and expires soon."""
    for seconds in itertools.count(3, 3):
        expiry = int(time.time()) + seconds
        path = site.paid(text, x=expiry)
        if site.public.ask("GET", path).status == 200:
            return path
        assert time.time() >= expiry
    raise AssertionError


def asked_twice(site: ClipSite, path: str, status: int) -> None:
    """Ask for a path twice, and wait until both requests have reached Sayna."""
    ids = {uuid.uuid4().hex for _ in range(2)}
    assert {site.public.ask("GET", path, X_Request_ID=each).status for each in ids} == {status}
    until(lambda: ids <= site.reached, 30, "both requests reached Sayna")


@pytest.mark.parametrize("path", ["/say.sln24?text=Again", "/voices?provider=espeak", "/"])
def test_nothing_but_clips_is_kept_by_nginx(site: ClipSite, path: str) -> None:
    asked_twice(site, path, 200)


def test_no_log_has_a_payload_or_a_text(site: ClipSite) -> None:
    path = site.paid("Canary-payload")
    paths = {
        "clip": path,
        "below": path.replace("/clip/", "/x/clip/"),
        "capital": path.replace("/clip/", "/CLIP/"),
        "say": "/say.sln24?text=Canary-query",
    }
    for request_id, asked in paths.items():
        site.public.ask("GET", asked, X_Request_ID=f"logged-{request_id}")
    # The workers of nginx write their lines when they have sent the answers, each in its own time.
    ids = {f"logged-{request_id}" for request_id in paths}
    until(lambda: ids <= {line["request_id"] for line in site.nginx.accesses}, 30, "nginx has logged them")
    until(lambda: ids <= site.reached, 30, "Sayna has logged them")

    written = site.nginx.access_log.read_text() + site.nginx.error_log.read_text() + site.gunicorn.log
    assert path.split("/")[2] not in written
    assert path.split("/")[3][:32] not in written
    assert "Canary" not in written
    logged = {line["path"] for line in site.nginx.accesses if line["request_id"] in ids}
    assert logged == {"/clip/", "/say.sln24"}


def test_errors_of_nginx_itself_are_text_below_clip(site: ClipSite, tmp_path: Path) -> None:
    with clip_site(tmp_path / "down") as down:
        down.gunicorn.stop()
        for path in (down.paid("No answer"), "/say.wav?text=x"):
            answer = down.public.ask("GET", path)
            assert (answer.status, answer.headers["content-type"]) == (502, "text/plain")
            assert answer.headers["cache-control"] == "no-store"
        assert down.public.ask("POST", "/clips", {"text": "x"}).headers["content-type"] == "application/json"


def test_tls_keeps_clips_on_port_80_and_sends_the_rest_on(tmp_path: Path) -> None:
    key = ("-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", *key, how_to_get=OPENSSL)
    port = free_port()

    def with_tls(folder: Path, upstream: Path, plain: int) -> Path:
        path = rendered(folder, upstream, plain)
        text = path.read_text("utf-8")
        shipped = "".join(re.findall(r"^    #     (.+\n)", text.partition("The same with TLS")[2], re.M))
        lines = shipped.replace("listen 443", f"listen 127.0.0.1:{port}")
        lines = lines.replace("/etc/letsencrypt/live/speech.example.com", str(tmp_path))
        path.write_text(text.replace("server_name _;", f"server_name _;\n{lines}"), "utf-8")
        return path

    socket, server = tmp_path / "sayna.sock", tmp_path / "nginx"
    server.mkdir()
    with start_gunicorn(tmp_path / "server", at=Address(path=socket), **SETTINGS):
        nginx = Nginx(server, socket, with_tls)
        with started(nginx, lambda: answers(nginx.address)):
            path = path_of({"t": "On both", **VOICE})
            assert nginx.address.ask("GET", path).status == 200
            moved = nginx.address.ask("GET", "/voices?language=de")
            assert (moved.status, moved.headers["location"]) == (308, "https://sayna.test/voices?language=de")
            refused = nginx.address.ask("TRACE", "/clip/x")
            assert refused.status == 405
            for secure in (path, "/say.wav?text=x&provider=espeak"):
                played = curl(
                    "--insecure", "-o", "/dev/null", "-w", "%{http_code}", f"https://127.0.0.1:{port}{secure}"
                )
                assert played.stdout == b"200"


def test_every_ending_is_listed_here() -> None:
    assert set(RAW) | set(CODECS) == set(ENDINGS)
    assert len(digest(SECRET, "")) == 64

"""Real clients of other servers, unmodified, against the running service: reference/compat.md, sections 2 to 9."""

import base64
import json
import os
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from sayna.audio.spec import AudioSpec
from tests.audio.sounds import heard
from tests.e2e.conftest import StartServer
from tests.e2e.program import Program, until
from tests.e2e.servers import ROOT, Gunicorn, Nginx, free_port, rendered, started
from tests.e2e.servers import answers as serves
from tests.e2e.vendor import Vendor
from tests.e2e.wire import Address
from tests.programs import TOOLS, needs
from tests.wire import answers
from tests.wire.server import FaultServer
from tests.wire.twirp import KEY, SECRET

HERE = Path(__file__).parent / "clients"
CLIENTS = TOOLS.parent / "clients"
TOKEN = "a-token-of-the-tests"
DIALECTS = "openai,jambonz,elevenlabs,marytts"
SETTINGS = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRET": TOKEN,
    "COMPAT_ENABLED": DIALECTS,
    "DEFAULT_TTS_PROVIDER": "espeak",
    # The Wyoming bridge asks the lists without its key.
    "PUBLIC_DISCOVERY": "true",
    "WEB_CONCURRENCY": "1",
    # Nothing listens there.
    "ELEVENLABS_API_KEY": "good",
    "ELEVENLABS_BASE_URL": "http://127.0.0.1:9",
}
SECONDS = (0.7, 2.5)
MP3, PCM = AudioSpec("mp3", 24000), AudioSpec("linear16", 24000)
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def service(server: StartServer) -> Gunicorn:
    return server(**SETTINGS)


def url(service: Gunicorn | Nginx) -> str:
    return f"http://127.0.0.1:{service.address.port}"


def environment(name: str, how: str) -> Path:
    """Return the folder of some installed clients; skip the test where it is not there."""
    if not (CLIENTS / name).exists():
        pytest.skip(f"this test needs clients-{name}; get it with: {how}")
    return CLIENTS / name


def python(service: Gunicorn | Nginx, *call: str, name: str = "python", packages: str = "-r requirements.txt") -> Any:
    """Return what a function of clients/python_clients.py tells."""
    folder = environment(
        name, f"python3 -m venv .tools/clients/{name}; .tools/clients/{name}/bin/pip install {packages}"
    )
    return json.loads(
        ran([str(folder / "bin" / "python"), str(HERE / "python_clients.py"), url(service), TOKEN, *call])
    )


def node(service: Gunicorn, *call: str, name: str = "node", **env: str) -> Any:
    """Return what a function of clients/node_clients.mjs tells; it runs where its packages are."""
    folder = environment(name, f"npm install --prefix .tools/clients/{name}, with tests/e2e/clients/package.json in it")
    argv = [needs("node", "apt-get install nodejs"), "--input-type=module", "-", url(service), TOKEN, *call]
    return json.loads(ran(argv, cwd=folder, stdin=(HERE / "node_clients.mjs").read_text("utf-8"), **env))


def ran(argv: list[str], *, cwd: Path | None = None, stdin: str = "", **env: str) -> str:
    variables = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_AGENTS_DISABLE_TRACING": "1", **env}
    done = subprocess.run(
        argv, input=stdin, env=variables, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]


def requests(service: Gunicorn, route: str) -> list[int]:
    """Return the status of each request to a route, by the service's log."""
    return [line["status"] for line in service.records if line.get("route") == route]


def check(audio: str, spec: AudioSpec, seconds: tuple[float, float] = SECONDS) -> None:
    """Fail unless the audio decodes to this rate and a fitting length, and is not silent."""
    sound = heard(base64.b64decode(audio), spec)
    assert sound.rate == spec.sample_rate
    assert seconds[0] < sound.seconds < seconds[1]
    assert sound.loudness > 0.01


def test_openai_for_python_speaks(service: Gunicorn) -> None:
    told = python(service, "openai_speaks")

    for audio_format, audio in told["formats"].items():
        check(audio, AudioSpec("linear16" if audio_format == "pcm" else audio_format, 24000))
    assert told["voice"].endswith("de")
    assert {"espeak", "tts-1"} <= set(told["models"])
    assert told["model"] == "sayna"


def test_openai_for_python_reads_what_is_wrong_and_asks_once(service: Gunicorn) -> None:
    told = python(service, "openai_fails")

    assert {name: (each["class"], each["status_code"], each["code"], each["param"]) for name, each in told.items()} == {
        "key": ("AuthenticationError", 401, "invalid_api_key", None),
        "model": ("NotFoundError", 404, "model_not_found", "model"),
        "voice": ("BadRequestError", 400, "provider_rejected_request", "voice"),
        "format": ("BadRequestError", 400, "unsupported_format", "response_format"),
        "blank": ("BadRequestError", 400, "empty_text", "input"),
        "speed": ("BadRequestError", 400, "invalid_request", "speed"),
    }
    assert all(len(each["request_id"]) == 32 for each in told.values())
    assert len(requests(service, "/v1/audio/speech")) == len(told)


def test_openai_for_python_streams(server: StartServer, vendor: Vendor) -> None:
    service = server(**SETTINGS, **vendor.settings)
    folder = environment("python", "the first test of this file says how")
    vendor.go_on.clear()
    argv = [str(folder / "bin" / "python"), str(HERE / "python_clients.py"), url(service), TOKEN, "openai_streams"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        # The client has its first chunk while the vendor still waits.
        assert json.loads(client.stdout.readline()) == "first"
        vendor.go_on.set()
        audio = json.loads(client.stdout.readline())

    assert base64.b64decode(audio) == vendor.whole


def test_openai_for_python_retries_what_may_pass(service: Gunicorn) -> None:
    failed = python(service, "openai_vendor_down")

    assert (failed["class"], failed["status_code"], failed["code"]) == ("InternalServerError", 502, "provider_error")
    assert len(requests(service, "/v1/audio/speech")) == 3


def test_openai_for_python_does_not_retry_refused_credentials(server: StartServer) -> None:
    with FaultServer() as vendor:
        vendor.always(answers.status(401))
        service = server(**SETTINGS, CARTESIA_API_KEY="bad", CARTESIA_BASE_URL=f"http://127.0.0.1:{vendor.port}")
        failed = python(service, "openai_vendor_refuses")

    assert (failed["class"], failed["code"]) == ("InternalServerError", "provider_rejected_credentials")
    assert requests(service, "/v1/audio/speech") == [500]


@pytest.fixture
def overloaded(server: StartServer, vendor: Vendor) -> Iterator[Gunicorn]:
    """A service whose one place for a synthesis is taken."""
    service = server(**SETTINGS, **vendor.settings, WEB_THREADS="3")
    vendor.go_on.clear()
    body = json.dumps({"text": "busy", "provider": "deepgram", "audio_format": "linear16"}).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Accept": "audio/*"}
    asked = urllib.request.Request(f"{url(service)}/speak", body, headers)
    over = threading.Event()

    def take_place() -> None:
        # A synthesis ends after 60 s, and some clients need longer on a busy machine before they ask.
        while not over.is_set():
            with suppress(OSError, HTTPException), urllib.request.urlopen(asked, timeout=120) as answer:
                answer.read()

    busy = threading.Thread(target=take_place)
    busy.start()
    until(lambda: bool(vendor.calls), 60, "the vendor is asked")
    yield service
    over.set()
    vendor.go_on.set()
    busy.join()


def test_openai_for_python_waits_for_an_overloaded_service(overloaded: Gunicorn) -> None:
    failed = python(overloaded, "openai_overloaded")

    assert (failed["class"], failed["status_code"], failed["code"]) == ("InternalServerError", 503, "overloaded")
    assert requests(overloaded, "/v1/audio/speech") == [503, 503, 503]
    # Retry-After is one second, and the client obeys it twice.
    assert failed["seconds"] > 1.9


def test_elevenlabs_for_python_speaks_and_lists(service: Gunicorn) -> None:
    told = python(service, "elevenlabs_speaks")

    check(told["convert"], AudioSpec("mp3", 44100))
    check(told["stream"], AudioSpec("linear16", 16000))
    check(told["ulaw"], AudioSpec("mulaw", 8000))
    assert "espeak:gmw/en-US" in told["search"]
    assert told["all"] > 100
    assert {"espeak", "elevenlabs"} == set(told["models"])
    assert told["tier"] == "sayna"


def test_elevenlabs_for_python_reads_what_is_wrong(service: Gunicorn) -> None:
    told = python(service, "elevenlabs_fails")

    assert {name: (each["status_code"], each["body"]["detail"]["status"]) for name, each in told.items()} == {
        "key": (401, "invalid_api_key"),
        "voice": (400, "invalid_request"),
        "blank": (400, "invalid_request"),
        "vendor": (502, "provider_error"),
    }
    assert len(requests(service, "/v1/text-to-speech/<path:voice_id>")) == len(told)


def with_mary(folder: Path, upstream: Path, port: int) -> Path:
    """Return the shipped nginx.conf with MaryTTS's server in it, on another port."""
    path = rendered(folder, upstream, free_port())
    shipped = (ROOT / "deploy" / "nginx-marytts.conf").read_text("utf-8")
    (folder / "mary.conf").write_text(shipped.replace("listen 59125;", f"listen 127.0.0.1:{port};"), "utf-8")
    line = "# include /opt/sayna/current/deploy/nginx-marytts.conf;"
    assert line in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(line, f"include {folder}/mary.conf;"), "utf-8")
    return path


@pytest.fixture
def mary(tmp_path: Path, server: StartServer) -> Iterator[Nginx]:
    """MaryTTS's port, which nginx serves."""
    upstream = tmp_path / "sayna.sock"
    server(at=Address(path=upstream), COMPAT_ENABLED="marytts")
    (tmp_path / "nginx").mkdir()
    front = Nginx(tmp_path / "nginx", upstream, with_mary)
    started(front, lambda: serves(front.address))
    yield front
    front.stop()


def test_marytts_for_python_speaks_and_lists(mary: Nginx) -> None:
    spoken = python(mary, "mary_speaks")

    check(spoken["plain"], AudioSpec("wav", 16000))
    check(spoken["slow"], AudioSpec("wav", 16000), (1.5, 5))
    assert any("cmu-slt-hsmm" in voice for voice in python(mary, "mary_lists"))


def test_openai_for_node_speaks_and_reads_what_is_wrong(service: Gunicorn) -> None:
    told = node(service, "openai_speaks")

    check(told["mp3"], MP3)
    check(told["pcm"], PCM)
    wrong = {name: (each["class"], each["status"], each["code"]) for name, each in told.items() if type(each) is dict}
    assert wrong == {
        "key": ("AuthenticationError", 401, "invalid_api_key"),
        "model": ("NotFoundError", 404, "model_not_found"),
        "voice": ("BadRequestError", 400, "provider_rejected_request"),
        "format": ("BadRequestError", 400, "unsupported_format"),
    }
    # Sayna logs speech when it has sent the last byte.
    until(lambda: len(requests(service, "/v1/audio/speech")) == 6, 60, "six requests are logged")


def test_openai_for_node_retries_what_may_pass(service: Gunicorn) -> None:
    failed = node(service, "openai_vendor_down")

    assert (failed["class"], failed["status"], failed["code"]) == ("InternalServerError", 502, "provider_error")
    assert requests(service, "/v1/audio/speech") == [502, 502, 502]


def test_ai_sdk_speaks(service: Gunicorn) -> None:
    told = node(service, "ai_speaks")

    check(told["mp3"], MP3)
    assert told["mediaType"] in ("audio/mp3", "audio/mpeg")


def test_elevenlabs_for_node_speaks(service: Gunicorn) -> None:
    told = node(service, "elevenlabs_speaks")

    check(told["mp3"], AudioSpec("mp3", 44100))


def test_livekit_for_node_gets_a_token(server: StartServer) -> None:
    settings = {"LIVEKIT_URL": "ws://127.0.0.1:9", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    told = node(server(**settings), "livekit_token")

    assert told["plain"]["serverUrl"] == "ws://127.0.0.1:9"
    claims = [
        json.loads(base64.urlsafe_b64decode(told[name]["participantToken"].split(".")[1] + "==")) for name in told
    ]
    assert claims[0]["video"]["room"].startswith("room-")
    assert claims[1]["attributes"] == {"x": "1"}
    assert claims[1]["roomConfig"]["agents"][0]["agentName"] == "helper"


HEAVY = "-r tests/e2e/clients/heavy.txt"


def test_agents_of_openai_speak(service: Gunicorn) -> None:
    check(python(service, "agents_speak", name="heavy", packages=HEAVY), PCM)


def test_livekit_agents_speak_as_openai(service: Gunicorn) -> None:
    told = python(service, "livekit_openai_speaks", name="heavy", packages=HEAVY)

    assert len(told) == 6
    for rate, seconds in told.values():
        assert rate == 24000
        assert SECONDS[0] < seconds < SECONDS[1]


def test_livekit_agents_speak_as_elevenlabs(service: Gunicorn) -> None:
    told = python(service, "livekit_elevenlabs_speaks", name="heavy", packages=HEAVY)

    assert SECONDS[0] < told["frame"][1] < SECONDS[1]
    assert told["voices"] > 100


def test_pipecat_speaks(service: Gunicorn) -> None:
    told = python(service, "pipecat_speaks", name="heavy", packages=HEAVY)

    assert told["rates"] == [24000]
    assert SECONDS[0] < told["bytes"] / 48000 < SECONDS[1]


def test_ovos_speaks(server: StartServer) -> None:
    service = server(COMPAT_ENABLED="marytts")

    check(python(service, "ovos_speaks", name="heavy", packages=HEAVY), AudioSpec("wav", 16000))


def test_wyoming_speaks_over_its_bridge(service: Gunicorn) -> None:
    told = python(service, "wyoming_speaks", name="wyoming", packages="wyoming-openai==0.8.0 wyoming==1.10.2")

    check(told["audio"], PCM)
    assert told["rate"] == 24000
    assert "alloy" in told["voices"]


def test_litellm_speaks_in_front(service: Gunicorn) -> None:
    told = python(service, "litellm_speaks", name="litellm", packages="litellm==1.106.2")

    check(told["mp3"], MP3)
    until(lambda: requests(service, "/v1/audio/speech") == [200], 60, "one request is logged")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where a Redis is, which the library of jambonz needs."""
    port = str(free_port())
    program = needs("redis-server", "apt-get install redis-server")
    argv = [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = Program(argv, cwd=tmp_path, env=dict(os.environ), log=tmp_path / "redis.log")
    try:
        until(lambda: "Ready to accept" in server.log, 60, "redis is ready")
        yield {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": port}
    finally:
        server.stop()


def test_jambonz_speaks(service: Gunicorn, redis: dict[str, str]) -> None:
    told = node(service, "jambonz_speaks", name="jambonz", **redis)

    check(told["mp3"], MP3)
    assert told["filePath"].endswith(".mp3")


@dataclass(frozen=True, slots=True)
class Client:
    """A client, the folder of its packages, its route, and each case: its exception, and the status of each answer."""

    name: str
    group: str
    route: str
    cases: dict[str, tuple[str, list[int]]]

    def fail(self, service: Gunicorn, *cases: str, **env: str) -> dict[str, tuple[str, list[int]]]:
        """Return what the cases have come to; the service's log has a request of / before each."""
        if self.group in ("node", "jambonz"):
            told = node(service, "fails", self.name, *cases, name=self.group, **env)
        else:
            told = python(service, "fails", self.name, *cases, name=self.group, packages=PACKAGES[self.group])
        routes = [(line["route"], line["status"]) for line in service.records if line.get("route") in ("/", self.route)]
        print(json.dumps(told, indent=1))
        begun = [at for at, (route, _) in enumerate(routes) if route == "/"][-len(cases) :]
        answered = [routes[at + 1 : end] for at, end in zip(begun, [*begun[1:], None], strict=True)]
        assert all(route == self.route for each in answered for route, _ in each), routes
        return {
            case: (told[case]["class"], [status for _, status in statuses])
            for case, statuses in zip(cases, answered, strict=True)
        }


PACKAGES = {"heavy": HEAVY, "litellm": "litellm==1.106.2", "wyoming": "wyoming-openai==0.8.0 wyoming==1.10.2"}
OPENAI, ELEVENLABS = "/v1/audio/speech", "/v1/text-to-speech/<path:voice_id>"
# Each case is what is wrong, the exception of the client, and what its requests were answered.
FAILING = [
    Client(
        "ai",
        "node",
        OPENAI,
        {
            "key": ("APICallError", [401]),
            "model": ("APICallError", [404]),
            "voice": ("APICallError", [400]),
            "vendor": ("RetryError", [502] * 3),
            "overload": ("RetryError", [503] * 3),
        },
    ),
    Client(
        "elevenlabs",
        "node",
        ELEVENLABS,
        {
            "key": ("ElevenLabsError", [401]),
            "voice": ("ElevenLabsError", [404]),
            "vendor": ("ElevenLabsError", [502] * 3),
            "overload": ("ElevenLabsError", [503] * 3),
        },
    ),
    Client(
        "litellm",
        "litellm",
        OPENAI,
        {
            "key": ("AuthenticationError", [401]),
            "model": ("NotFoundError", [404]),
            "voice": ("BadRequestError", [400]),
            "vendor": ("InternalServerError", [502] * 3),
            "overload": ("InternalServerError", [503] * 3),
        },
    ),
    Client(
        "livekit-openai",
        "heavy",
        OPENAI,
        {
            "key": ("APIStatusError", [401]),
            "model": ("APIStatusError", [404]),
            "voice": ("APIStatusError", [400]),
            "vendor": ("APIStatusError", [502] * 4),
            "overload": ("APIStatusError", [503] * 4),
        },
    ),
    Client(
        "livekit-elevenlabs",
        "heavy",
        f"{ELEVENLABS}/stream",
        {
            "key": ("APIStatusError", [401]),
            "voice": ("APIStatusError", [404]),
            "vendor": ("APIStatusError", [502] * 4),
            "overload": ("APIStatusError", [503] * 4),
        },
    ),
    Client(
        "pipecat",
        "heavy",
        OPENAI,
        {
            "key": ("RuntimeError", [401]),
            "model": ("RuntimeError", [404]),
            # pipecat knows the voices of OpenAI, and sends no other.
            "voice": ("RuntimeError", []),
            "vendor": ("RuntimeError", [502] * 3),
            "overload": ("RuntimeError", [503] * 3),
        },
    ),
    Client(
        "wyoming",
        "wyoming",
        OPENAI,
        {
            "key": ("RuntimeError", [401]),
            "model": ("RuntimeError", [404]),
            "voice": ("RuntimeError", [400]),
            "vendor": ("RuntimeError", [502] * 3),
            "overload": ("RuntimeError", [503] * 3),
        },
    ),
]
JAMBONZ = Client(
    "jambonz",
    "jambonz",
    "/jambonz/tts",
    {
        "key": ("StatusError", [401]),
        "voice": ("StatusError", [400]),
        "vendor": ("StatusError", [500]),
        "overload": ("StatusError", [503]),
    },
)


@pytest.mark.parametrize("client", FAILING, ids=lambda client: client.name)
def test_client_repeats_only_what_may_pass(service: Gunicorn, client: Client) -> None:
    cases = [case for case in client.cases if case != "overload"]

    assert client.fail(service, *cases) == {case: client.cases[case] for case in cases}


@pytest.mark.parametrize("client", FAILING, ids=lambda client: client.name)
def test_client_meets_an_overloaded_service(overloaded: Gunicorn, client: Client) -> None:
    assert client.fail(overloaded, "overload") == {"overload": client.cases["overload"]}


def test_jambonz_never_repeats(service: Gunicorn, redis: dict[str, str]) -> None:
    cases = [case for case in JAMBONZ.cases if case != "overload"]

    assert JAMBONZ.fail(service, *cases, **redis) == {case: JAMBONZ.cases[case] for case in cases}


def test_jambonz_meets_an_overloaded_service(overloaded: Gunicorn, redis: dict[str, str]) -> None:
    assert JAMBONZ.fail(overloaded, "overload", **redis) == {"overload": JAMBONZ.cases["overload"]}

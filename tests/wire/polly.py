"""Amazon Polly as far as Sayna talks to it: shared/reference/providers.md, section 7."""

import datetime
import json
import re
from typing import Any, ClassVar
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.polly import Polly, PollyConfig
from tests.audio.sounds import sine, written
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, checked_json, pairs

REGION = "eu-central-1"
MP3_RATES = (8000, 16000, 22050, 24000, 44100, 48000)
FORMATS = {
    "pcm": ("linear16", (8000, 16000)),
    "mulaw": ("mulaw", (8000,)),
    "alaw": ("alaw", (8000,)),
    "mp3": ("mp3", MP3_RATES),
    "ogg_opus": ("opus", (48000,)),
}
LABELS = {
    "linear16": ("audio/pcm", "application/octet-stream"),
    "mulaw": ("audio/mulaw", "audio/basic"),
    "alaw": ("audio/alaw", "audio/basic"),
    "mp3": ("audio/mpeg",),
    "opus": ("audio/ogg", "audio/opus"),
}
ENGINES = ("standard", "neural", "long-form", "generative")
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/polly/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
VOICES = [
    {
        "Gender": "Female",
        "Id": "Joanna",
        "LanguageCode": "en-US",
        "LanguageName": "US English",
        "Name": "Joanna",
        "SupportedEngines": ["generative", "neural", "standard"],
    },
    {
        "Gender": "Female",
        "Id": "Aditi",
        "LanguageCode": "en-IN",
        "LanguageName": "Indian English",
        "Name": "Aditi",
        "AdditionalLanguageCodes": ["hi-IN"],
        "SupportedEngines": ["standard"],
    },
    {
        "Gender": "Male",
        "Id": "Nate",
        "LanguageCode": "en-US",
        "SupportedEngines": ["generative", "long-form"],
    },
]


class PollyFake(VendorFake):
    """Polly with the access keys `good`, `bad` (403), `poor` (400, expired) and `busy` (throttled once)."""

    slug = "polly"
    labels = LABELS
    voice = "Joanna"
    beginning = written(sine(24000, 0.5), AudioSpec("mp3", 24000))[:1500]
    natives = pairs(mp3=(24000, 44100, 48000))
    good_settings: ClassVar = {"volume_db": -3}
    bad_settings = ({"volume_db": 7}, {"volume_db": "loud"}, {"lexicon": "x"})
    hostile = ("Jo/anna", "a b", "../x", "Joanna2", "<speak>", "x?y", "ä", "x\n", "a" * 65)
    on_wire: ClassVar = {"volume_db": "volume"}

    def __init__(self) -> None:
        super().__init__()
        self.voices: list[dict[str, Any]] = list(VOICES)
        self.asked: list[dict[str, Any]] = []
        self.may_list = True
        self.busy = 0

    def provider(self, key: str | None = "good") -> Polly:
        """Return an adapter that asks this fake."""
        if key is None:
            return Polly(PollyConfig(endpoint_url=self.url, aws_region=REGION))
        access_key, secret = Secret(_access_key(key)), Secret(_secret(key))
        return Polly(
            PollyConfig(
                enabled=True,
                endpoint_url=self.url,
                aws_region=REGION,
                access_key_id=access_key,
                secret_access_key=secret,
            )
        )

    def credentials(self, key: str) -> dict[str, str]:
        """Return what a request's own auth holds."""
        return {"access_key_id": _access_key(key), "secret_access_key": _secret(key), "region": "us-west-2"}

    def misunderstood(self, reason: str) -> Answer:
        """Answer in Polly's shape."""
        return _error(400, "ValidationException", reason)

    def respond(self, hit: Hit) -> Answer:
        """Check the signature, answer the synthesis and the list."""
        if refused := self._refused(_signed_by(hit)):
            return refused
        if (hit.method, hit.path) == ("GET", "/v1/voices"):
            return self._page(hit)
        assert (hit.method, hit.path, hit.query) == ("POST", "/v1/speech", ""), "there is no such page"
        required = {"Text", "VoiceId", "OutputFormat", "SampleRate", "Engine"}
        body = checked_json(hit, required=required, optional={"TextType", "LanguageCode"})
        self.asked.append(body)
        return self._speech(body)

    def _refused(self, key: str) -> Answer | None:
        if key == "bad":
            return _error(403, "UnrecognizedClientException", "CANARY")
        if key == "poor":
            return _error(400, "ExpiredTokenException:http://internal.amazon.com/coral/", "CANARY")
        if key == "busy":
            self.busy += 1
            return _error(400, "ThrottlingException", "Rate exceeded") if self.busy == 1 else None
        return None

    def _page(self, hit: Hit) -> Answer:
        if not self.may_list:
            return _error(403, "AccessDeniedException", "CANARY")
        assert set(hit.params) <= {"NextToken"}, "query"
        at = int(hit.params.get("NextToken", "a/b+c= 0").removeprefix("a/b+c= "))
        more = at + 1 < len(self.voices)
        page: dict[str, object] = {"Voices": self.voices[at : at + 1]}
        return answers.as_json(page | ({"NextToken": f"a/b+c= {at + 1}"} if more else {}))

    def _speech(self, body: dict[str, Any]) -> Answer:
        name, rates = FORMATS[body["OutputFormat"]]
        if body["SampleRate"] not in map(str, rates):
            return _error(400, "InvalidSampleRateException", "CANARY")
        text = _checked_text(body)
        if len(text) > 3000:
            return _error(400, "TextLengthExceededException", "CANARY")
        voice = next((voice for voice in self.voices if voice["Id"] == body["VoiceId"]), None)
        if voice is None:
            return _error(400, "ValidationException", "CANARY")
        assert body["Engine"] in ENGINES, "Engine"
        if body["Engine"] not in voice["SupportedEngines"]:
            return _error(400, "EngineNotSupportedException", "CANARY")
        headers = {"x-amzn-RequestCharacters": str(len(text)), "x-amzn-RequestId": "r"}
        return self.spoken(text, AudioSpec(name, int(body["SampleRate"])), headers)


def _checked_text(body: dict[str, Any]) -> str:
    assert re.fullmatch(r"[a-z]{2,3}-[A-Z]{2}", body.get("LanguageCode", "en-US")), "LanguageCode"
    text: str = body["Text"]
    if "TextType" not in body:
        return text
    assert body["TextType"] == "ssml", "TextType"
    document = ElementTree.fromstring(text)
    (prosody,) = document
    assert (document.tag, document.attrib, prosody.tag) == ("speak", {}, "prosody"), "the elements"
    assert set(prosody.attrib) <= {"rate", "volume"}, "the attributes"
    assert 20 <= int(prosody.get("rate", "100%").removesuffix("%")) <= 200, "rate"
    assert -20 <= float(prosody.get("volume", "+0dB").removesuffix("dB")) <= 6, "volume"
    return prosody.text or ""


def _access_key(name: str) -> str:
    """AWS's own keys are letters and digits only."""
    return name.replace("-", "")


def _secret(name: str) -> str:
    return f"secret/of+{_access_key(name)}"


def _signed_by(hit: Hit) -> str:
    """Return the access key of a request after doing its signature over again."""
    found = AUTHORIZATION.fullmatch(hit.headers["authorization"])
    assert found, "the signature's form"
    signed = found["signed"].split(";")
    assert {"content-type", "host", "x-amz-date"} <= set(signed), "the signed headers"
    url = f"http://{hit.headers['host']}{hit.path}" + (f"?{hit.query}" if hit.query else "")
    request = AWSRequest(hit.method, url, {name: hit.headers[name] for name in signed}, hit.body)
    stamp = hit.headers["x-amz-date"]
    assert stamp.startswith(found["day"]), "the day"
    signed_at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    age = datetime.datetime.now(datetime.UTC) - signed_at
    assert abs(age) < datetime.timedelta(minutes=5), "the time"
    request.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(found["key"], _secret(found["key"])), "polly", found["region"])
    claim = signer.string_to_sign(request, signer.canonical_request(request))
    assert signer.signature(claim, request) == found["signature"], "SignatureDoesNotMatch"
    return found["key"]


def _error(status: int, kind: str, message: str) -> Answer:
    body = json.dumps({"message": message}).encode()
    return answers.whole(body, "application/x-amz-json-1.1", status, {"x-amzn-ErrorType": kind})


Fake = PollyFake

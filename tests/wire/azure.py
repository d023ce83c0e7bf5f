"""Azure Speech as far as Sayna talks to it: shared/reference/providers.md, section 4."""

from typing import ClassVar
from xml.etree import ElementTree

from sayna.audio.spec import AudioSpec
from sayna.config import Secret
from sayna.providers.azure import ROLES, STYLES, Azure, AzureConfig
from tests.wire import answers
from tests.wire.hit import Hit
from tests.wire.server import Answer
from tests.wire.vendor import VendorFake, pairs

SPEAK = "{http://www.w3.org/2001/10/synthesis}"
MSTTS = "{https://www.w3.org/2001/mstts}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
FORMATS = {
    "raw-8khz-16bit-mono-pcm": AudioSpec("linear16", 8000),
    "raw-16khz-16bit-mono-pcm": AudioSpec("linear16", 16000),
    "raw-22050hz-16bit-mono-pcm": AudioSpec("linear16", 22050),
    "raw-24khz-16bit-mono-pcm": AudioSpec("linear16", 24000),
    "raw-44100hz-16bit-mono-pcm": AudioSpec("linear16", 44100),
    "raw-48khz-16bit-mono-pcm": AudioSpec("linear16", 48000),
    "raw-8khz-8bit-mono-mulaw": AudioSpec("mulaw", 8000),
    "raw-8khz-8bit-mono-alaw": AudioSpec("alaw", 8000),
    "audio-16khz-64kbitrate-mono-mp3": AudioSpec("mp3", 16000),
    "audio-24khz-96kbitrate-mono-mp3": AudioSpec("mp3", 24000),
    "audio-48khz-192kbitrate-mono-mp3": AudioSpec("mp3", 48000),
    "ogg-16khz-16bit-mono-opus": AudioSpec("opus", 16000),
    "ogg-24khz-16bit-mono-opus": AudioSpec("opus", 24000),
    "ogg-48khz-16bit-mono-opus": AudioSpec("opus", 48000),
}
# Azure's own table of raw formats says audio/basic for all of them.
LABELS = {
    "linear16": ("audio/basic", "audio/pcm"),
    "mulaw": ("audio/basic",),
    "alaw": ("audio/basic", "audio/x-alaw-basic"),
    "mp3": ("audio/mpeg",),
    "opus": ("audio/ogg; codecs=opus; rate={rate}",),
}

ATTRIBUTES = {
    f"{SPEAK}speak": {"version", LANG},
    f"{SPEAK}voice": {"name"},
    f"{MSTTS}express-as": {"style", "styledegree", "role"},
    f"{SPEAK}prosody": {"rate", "pitch", "volume"},
    f"{SPEAK}lang": {LANG},
}
VOICES = [
    {
        "Name": "Microsoft Server Speech Text to Speech Voice (en-US, AvaMultilingualNeural)",
        "DisplayName": "Ava Multilingual",
        "LocalName": "Ava Multilingual",
        "ShortName": "en-US-AvaMultilingualNeural",
        "Gender": "Female",
        "Locale": "en-US",
        "LocaleName": "English (United States)",
        "SecondaryLocaleList": ["de-DE", "fr-FR"],
        "StyleList": ["chat"],
        "SampleRateHertz": "24000",
        "VoiceType": "Neural",
        "Status": "GA",
        "WordsPerMinute": "152",
    },
    {
        "DisplayName": "Nicholas",
        "LocalName": "Nikola",
        "ShortName": "sr-Latn-RS-NicholasNeural",
        "Gender": "Male",
        "Locale": "sr-Latn-RS",
        "LocaleName": "Serbian (Latin, Serbia)",
        "SampleRateHertz": "48000",
        "VoiceType": "Neural",
        "Status": "GA",
    },
    {"ShortName": "zz-ZZ-OddNeural", "Gender": None, "SampleRateHertz": None},
]


class AzureFake(VendorFake):
    """Azure with the keys `good`, `bad` (401), `poor` (403) and `busy` (429 once); a 400 has no body."""

    slug = "azure"
    bare_catalogue = True
    labels = LABELS
    voice = "en-US-AvaMultilingualNeural"
    natives = pairs(linear16=(48000,))
    good_settings: ClassVar = {
        "style": "cheerful",
        "styledegree": 1.5,
        "role": "Girl",
        "pitch": -10,
        "volume": 80,
    }
    bad_settings = (
        {"style": "'/><audio src='http://evil'"},
        {"styledegree": 3},
        {"pitch": "high"},
        {"rate": 2},
    )
    hostile = (
        "'/><audio src='https://evil.example'/>",
        'x"y',
        "a b",
        "a/b",
        "../x",
        "a&b",
        "ä",
        "x\n",
        "a" * 129,
    )

    def __init__(self) -> None:
        super().__init__()
        self.voices: object = VOICES
        self.documents: list[ElementTree.Element] = []
        self.busy = 0

    def provider(self, key: str | None = "good") -> Azure:
        """Return an adapter that asks this fake."""
        return Azure(AzureConfig(api_key=Secret(key) if key else None, base_url_setting=self.url))

    def credentials(self, key: str) -> dict[str, str]:
        """Return what a request's own auth holds."""
        return {"api_key": key, "region": "westeurope"}

    def misunderstood(self, reason: str) -> Answer:
        """Answer as Azure does to whatever it does not like."""
        return answers.whole(b"", "text/plain", 400)

    def respond(self, hit: Hit) -> Answer:
        """Answer the synthesis and the list."""
        assert 0 < len(hit.headers["user-agent"]) < 255, "User-Agent"
        assert not hit.query, "there is no query"
        if refused := self._refused(hit.headers["ocp-apim-subscription-key"]):
            return refused
        if (hit.method, hit.path) == ("GET", "/cognitiveservices/voices/list"):
            return answers.as_json(self.voices)
        assert (hit.method, hit.path) == ("POST", "/cognitiveservices/v1"), "there is no such page"
        assert hit.headers["content-type"] == "application/ssml+xml", "the content type is not SSML"
        spec = FORMATS[hit.headers["x-microsoft-outputformat"]]
        document = ElementTree.fromstring(hit.body)
        self.documents.append(document)
        return self.spoken(_checked(document), spec, {"X-RequestId": "r"})

    def _refused(self, key: str) -> Answer | None:
        if key in ("bad", "poor"):
            code = {"bad": 401, "poor": 403}[key]
            return answers.as_json({"error": {"code": str(code), "message": "CANARY"}}, code)
        if key == "busy":
            self.busy += 1
            return answers.whole(b"", "text/plain", 429, {"Retry-After": "1"}) if self.busy == 1 else None
        return None


def _checked(document: ElementTree.Element) -> str:
    """Return the text of a document that is a chain of known elements with known attributes."""
    chain = list(document.iter())
    assert [element.tag for element in chain[:2]] == [f"{SPEAK}speak", f"{SPEAK}voice"], "speak, voice"
    for element in chain:
        assert set(element.attrib) <= ATTRIBUTES[element.tag], f"{element.tag} {element.attrib}"
        assert len(element) <= 1, "one element within the other"
        assert not (len(element) and element.text), "the text is in the innermost"
    known = {name: value for element in chain for name, value in element.attrib.items()}
    assert known["version"] == "1.0", "version"
    assert known["name"].endswith("Neural"), "no such voice"
    assert known.get("style", "chat") in STYLES, "style"
    assert known.get("role", "Girl") in ROLES, "role"
    assert 0.5 <= float(known.get("rate", 1)) <= 2, "rate"
    assert 0.01 <= float(known.get("styledegree", 1)) <= 2, "styledegree"
    assert -50 <= float(known.get("pitch", "+0%").removesuffix("%")) <= 50, "pitch"
    assert 0 <= float(known.get("volume", 0)) <= 100, "volume"
    text = chain[-1].text or ""
    assert text.strip(), "text"
    return text


Fake = AzureFake

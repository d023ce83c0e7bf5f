"""The HTTP interface of MaryTTS 5: http://mary.dfki.de:59125/documentation.html. Off by default."""

import math
import re
from dataclasses import replace
from functools import partial
from urllib.parse import quote, unquote

from flask import Blueprint, Response

from sayna import __version__
from sayna.blueprints.body import check_query, read_form
from sayna.blueprints.compat.translation import address_of, kept_voices, language_tag, named_voice
from sayna.blueprints.context import current_request, services
from sayna.blueprints.open_requests import check_site, open_plan
from sayna.blueprints.responses import audio_response, speech_of
from sayna.errors import InvalidRequest, UnsupportedFormat
from sayna.providers.base import Voice
from sayna.speech.own_voices import ALIAS
from sayna.speech.plan import SpeakRequest
from sayna.speech.voices.languages import speaks

blueprint = Blueprint("marytts", __name__, url_prefix="/marytts")

SAMPLE_RATE = 16000  # Hz; that of most of MaryTTS's voices
FORMATS = {"WAVE": "wav", "WAVE_FILE": "wav", "WAVE_STREAM": "wav", "MP3": "mp3", "MP3_FILE": "mp3"}
CONTENT_TYPES = {"wav": "audio/x-wav", "mp3": "audio/x-mpeg"}
DURATION_SCALE = re.compile(r"durScale:([0-9]{1,6}(?:\.[0-9]{1,20})?);?")
# Voices of MaryTTS that clients have in their code: name, locale, gender.
CLASSIC = (
    "cmu-slt-hsmm en_US female", "cmu-rms-hsmm en_US male", "cmu-bdl-hsmm en_US male", "dfki-spike-hsmm en_GB male",
    "dfki-prudence-hsmm en_GB female", "dfki-poppy-hsmm en_GB female", "dfki-obadiah-hsmm en_GB male",
    "bits1-hsmm de female", "bits3-hsmm de male", "dfki-pavoque-neutral-hsmm de male", "upmc-pierre-hsmm fr male",
    "upmc-jessica-hsmm fr female", "istc-lucia-hsmm it female",
)  # fmt: skip


@blueprint.before_request
def _check_site() -> None:
    check_site(current_request())


@blueprint.route("/process", methods=["GET", "POST"])
def process() -> Response:
    """Answer with the whole speech; MaryTTS's clients need its length."""
    asked = current_request()
    check_query(asked)
    fields = {**asked.args.to_dict(), **read_form(asked)}
    if any("\0" in value for value in fields.values()):
        raise InvalidRequest("a field has NUL; send other characters")
    gender = fields.get("VOICE", "").lower()
    plan = open_plan(_speak_request(fields), lambda wanted: services().planner.plan(_of_gender(wanted, gender)))
    return audio_response(speech_of(asked, plan, is_whole=True), CONTENT_TYPES[plan.target.audio_format])


def _speak_request(fields: dict[str, str]) -> SpeakRequest:
    kind, output = fields.get("INPUT_TYPE", "TEXT"), fields.get("OUTPUT_TYPE", "AUDIO")
    if kind not in ("TEXT", "SSML", "RAWMARYXML"):
        raise InvalidRequest("INPUT_TYPE must be TEXT, SSML or RAWMARYXML")
    if output != "AUDIO":
        raise InvalidRequest("OUTPUT_TYPE must be AUDIO")
    audio_format = FORMATS.get(fields.get("AUDIO", "WAVE_FILE").upper())
    if audio_format is None:
        raise UnsupportedFormat(f"AUDIO must be one of {', '.join(FORMATS)}")
    text, language = fields.get("INPUT_TEXT", ""), fields.get("LOCALE", "").replace("_", "-")
    slug, name = named_voice(unquote(fields.get("VOICE", "")))
    return SpeakRequest(
        text=text,
        markup=None if kind == "TEXT" else "unwrapped",
        # Clients have names such as cmu-slt-hsmm in their code, so an unknown voice is not refused.
        provider=slug,
        voice_id=name if slug else "",
        speaking_rate=_rate(fields),
        audio_format=audio_format,
        sample_rate=SAMPLE_RATE,
        language=language,
    )


def _of_gender(wanted: SpeakRequest, gender: str) -> SpeakRequest:
    """Return the request with the first known voice of its language and this gender, as it is without such a voice."""
    if wanted.voice or wanted.voice_id or gender not in ("male", "female"):
        return wanted
    language = wanted.language
    known = kept_voices(services().planner.provider(wanted.provider).slug)
    fitting = (voice for voice in known if voice.gender.lower() == gender)
    found = next((voice.id for voice in fitting if not language or speaks(voice.languages, language)), "")
    return replace(wanted, voice_id=found)


def _rate(fields: dict[str, str]) -> float | None:
    """Return the speaking rate of the effect Rate, whose number scales the duration; raises InvalidRequest."""
    if fields.get("effect_Rate_selected", "").lower() != "on":
        return None
    found = DURATION_SCALE.fullmatch(fields.get("effect_Rate_parameters", "").strip())
    if found is None or not float(found[1]):
        raise InvalidRequest("effect_Rate_parameters must be such as durScale:1.5;")
    return min(4.0, max(0.25, math.floor(1e6 / float(found[1])) / 1e6))


@blueprint.get("/voices")
def mary_voices() -> Response:
    """Answer with one line a voice: name, locale, gender and type, four words each."""
    own = {voice.id: _line(voice) for voice in kept_voices(ALIAS)}
    classic = [f"{line} hmm" for line in CLASSIC if line.split()[0] not in own]
    return _lines(*own.values(), *classic, *(_line(voice) for voice in kept_voices() if voice.provider != ALIAS))


def _line(voice: Voice) -> str:
    gender = voice.gender.lower() if voice.gender in ("Male", "Female") else "neutral"
    locale = language_tag(voice).replace("-", "_")
    return f"{quote(address_of(voice), safe='/:')} {locale or 'und'} {gender} hmm"


@blueprint.get("/locales")
def locales() -> Response:
    """Answer with one line a locale."""
    classic = {line.split()[1] for line in CLASSIC}
    return _lines(*sorted(classic | {language_tag(voice).replace("-", "_") for voice in kept_voices()} - {""}))


def _lines(*lines: str) -> Response:
    return Response("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")


# Path, endpoint and lines of the answers that are always the same; the version is one of MaryTTS, and ours.
FIXED = (
    ("/version", "version", (f"Mary TTS server 5.2 (Sayna {__version__})",)),
    ("/audioformats", "audio_formats", ("WAVE_FILE", "MP3_FILE")),
    ("/datatypes", "data_types", ("TEXT INPUT", "SSML INPUT", "RAWMARYXML INPUT", "AUDIO OUTPUT")),
    ("/audioeffects", "audio_effects", ("Rate durScale:1.5;",)),
)
for path, endpoint, lines in FIXED:
    blueprint.add_url_rule(path, endpoint, partial(_lines, *lines))

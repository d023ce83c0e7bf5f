"""Google's JSON: what is asked, and what a voice looks like."""

from collections.abc import Mapping
from typing import Any

from sayna.audio.spec import AudioSpec
from sayna.providers.base import SpeechRequest, Voice
from sayna.providers.locale import leading_tag
from sayna.providers.parsing import UNKNOWN, gender, text, texts

ENCODINGS = {"mp3": "MP3", "opus": "OGG_OPUS", "mulaw": "MULAW", "alaw": "ALAW"}


def spec(target: AudioSpec) -> AudioSpec:
    """Return mp3 and opus as asked for, and wav for all that is made of samples."""
    name = target.audio_format if target.audio_format in ("mp3", "opus") else "wav"
    return AudioSpec(name, target.sample_rate)


def body(request: SpeechRequest) -> dict[str, Any]:
    """Return the body of a synthesis; a language in the voice's name is the only one that the voice takes."""
    # Demanded even where the name says it.
    voice = {"languageCode": leading_tag(request.voice_id) or request.language}
    if request.voice_id:
        voice["name"] = request.voice_id
    if request.model:
        voice["modelName"] = request.model
    audio: dict[str, Any] = {
        # LINEAR16 has a header, MULAW and ALAW too: all are read as WAV, never cut at 44 bytes
        # as in the reference.
        "audioEncoding": ENCODINGS.get(request.target.audio_format, "LINEAR16"),
        "sampleRateHertz": request.target.sample_rate,
    }
    if request.speaking_rate != 1.0:
        audio["speakingRate"] = request.speaking_rate
    for name, wire_name in (("pitch", "pitch"), ("volume_gain_db", "volumeGainDb")):
        if name in request.settings:
            audio[wire_name] = request.settings[name]
    if "effects_profile" in request.settings:
        audio["effectsProfileId"] = [request.settings["effects_profile"]]
    return {"input": {"text": request.text}, "voice": voice, "audioConfig": audio}


def voice(item: Mapping[str, Any]) -> Voice:
    """Return a voice of the list; its name is what follows the language: Wavenet D."""
    full = text(item, "name")
    languages = texts(item.get("languageCodes"))
    tag = leading_tag(full)
    rate = item.get("naturalSampleRateHertz")
    return Voice(
        id=full,
        name=full[len(tag) + 1 :].replace("-", " ") if tag else full,
        provider="google",
        gender=gender(text(item, "ssmlGender")),
        language=languages[0] if languages else UNKNOWN,
        languages=languages,
        sample_rates=(rate,) if isinstance(rate, int) else (),
    )

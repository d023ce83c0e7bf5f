"""Piper's promises, kept with the real library and a tiny voice."""

import dataclasses
import json
import logging
import os
import random
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from sayna.audio.spec import AudioSpec
from sayna.engines.wire import AUDIO
from sayna.errors import EmptyText, ProviderError, ProviderRejectedRequest, ProviderTimeout
from sayna.http import Deadline
from sayna.providers.piper import Piper, PiperConfig
from tests.audio.sounds import heard
from tests.blueprints.conftest import MakeClient, make_client  # noqa: F401 - a fixture
from tests.engines.processes import signal_engines
from tests.providers.piper.voices import LETTER_SAMPLES, RATE, install
from tests.wire.asking import plan, request, speak


def samples(piper: Piper, text: str = "aaaa", **query: Any) -> int:
    asked = request(piper, text=text, sample_rate=16000, **query)
    return len(b"".join(piper.synthesize(asked).chunks)) // 2


def test_speech_has_the_rate_of_the_voice_and_is_converted_to_any_other(piper: Piper) -> None:
    stream = piper.synthesize(request(piper, text="aaaa"))
    stream.close()
    assert stream.spec == AudioSpec("linear16", RATE)
    sound = heard(speak(piper, request(piper, "mp3", 24000, text="a" * 20)), AudioSpec("mp3", 24000))
    assert (sound.rate, sound.channels) == (24000, 1)
    assert sound.loudness > 0.05


def test_speaking_rate_changes_the_length_in_proportion(piper: Piper) -> None:
    normal = samples(piper)
    assert normal % LETTER_SAMPLES == 0
    assert samples(piper, speaking_rate=2.0) * 2 == normal
    assert samples(piper, speaking_rate=0.5) == normal * 2


# The second one is how es_MX-ald-medium has it (github.com/OHF-Voice/piper1-gpl/issues/120).
@pytest.mark.parametrize("phoneme_type", ["espeak", "PhonemeType.ESPEAK"])
def test_each_sentence_comes_for_itself(folder: Path, piper: Piper, phoneme_type: str) -> None:
    install(folder, phoneme_type=phoneme_type)
    stream = piper.synthesize(request(piper, text="Hello there. How are you? Fine."))
    assert len(list(stream.chunks)) == 3


def test_a_short_text_does_not_wait_for_the_end_of_a_long_one(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    stream = piper.synthesize(request(piper, text="One sentence here. " * 50))
    next(stream.chunks)
    assert b"".join(piper.synthesize(request(piper, text="Short.")).chunks)
    assert len(list(stream.chunks)) == 49


def test_model_names_a_speaker(folder: Path, piper: Piper) -> None:
    install(folder, "en_GB-choir-low", speakers={"alto": 0, "soprano": 1})

    def pitch(model: str) -> float:
        asked = request(piper, "linear16", 16000, text="a" * 10, voice_id="en_GB-choir-low", model=model)
        return heard(speak(piper, asked), AudioSpec("linear16", 16000)).hertz

    assert pitch("soprano") == pytest.approx(pitch("alto") + 1000, abs=60)
    assert pitch("1") == pitch("soprano")
    assert pitch("") == pitch("alto")
    for unknown in ("bass", "2", "01x"):
        with pytest.raises(ProviderRejectedRequest, match="speaker"):
            pitch(unknown)


def test_volume_is_a_setting(piper: Piper) -> None:
    def loudness(**settings: float) -> float:
        asked = request(piper, "linear16", 16000, text="a" * 10, voice_settings=settings)
        return heard(speak(piper, asked), AudioSpec("linear16", 16000)).loudness

    assert loudness(volume=0.5) == pytest.approx(loudness() / 2, rel=0.02)
    assert loudness(noise_scale=0.1, noise_w_scale=0.2) == pytest.approx(loudness(), rel=0.02)


@pytest.mark.parametrize("voice", ["unknown", "en_US-tiny-low.onnx", "en_US-tiny"])
def test_unknown_voice_is_refused(piper: Piper, voice: str) -> None:
    with pytest.raises(ProviderRejectedRequest, match="does not know this voice"):
        piper.synthesize(request(piper, voice_id=voice))


@pytest.mark.parametrize("voice", ["../../etc/passwd", "/etc/passwd", ".hidden", "a/b", "..", "a\\b"])
def test_path_is_no_voice_and_touches_nothing(
    make_client: MakeClient,  # noqa: F811
    folder: Path,
    voice: str,
) -> None:
    client = make_client(PIPER_VOICES_PATH=str(folder))
    answer = client.post("/speak", json={"text": "x", "provider": "piper", "voice_id": voice})
    assert answer.status_code == 400
    assert b"passwd" not in answer.data


def test_text_without_anything_to_say_is_the_callers_mistake(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    with pytest.raises(EmptyText, match="nothing to say"):
        piper.synthesize(dataclasses.replace(request(piper, text="a"), text="..."))


def test_voices_are_listed_as_the_folder_holds_them(folder: Path, piper: Piper) -> None:
    install(folder, "en_GB-choir-low", speakers={"alto": 0, "soprano": 1})
    install(folder, "zh_CN-net-low", phoneme_type="pinyin")
    install(folder, ".hidden")
    (folder / "lonely.onnx").write_bytes(b"")
    (folder / "broken.onnx").write_bytes(b"")
    (folder / "broken.onnx.json").write_text("[1, 2")
    choir, tiny = piper.list_voices(Deadline.after(5))
    assert (choir.id, choir.description) == ("en_GB-choir-low", "Speakers (model): alto, soprano")
    assert (tiny.id, tiny.name, tiny.sample_rates) == ("en_US-tiny-low", "tiny (low)", (RATE,))


def test_catalogue_tells_language_and_region(make_client: MakeClient, folder: Path) -> None:  # noqa: F811
    answer = make_client(PIPER_VOICES_PATH=str(folder)).get("/voices?provider=piper&language=en")
    (voice,) = answer.get_json()["piper"]
    assert (voice["language"], voice["accent"], voice["languages"]) == ("English", "American", ["en-US"])


def test_language_alone_picks_a_voice(folder: Path, piper: Piper) -> None:
    install(folder, "de_DE-tiny-low")
    assert plan(piper, language="en-US").voice_id == "en_US-tiny-low"
    assert plan(piper, language="en-AU").voice_id == "en_US-tiny-low"
    assert plan(piper).voice_id == "de_DE-tiny-low"
    assert plan(piper, voice_id="en_US-tiny-low").language == "en-US"
    with pytest.raises(ProviderRejectedRequest):
        plan(piper, language="tlh")


def test_broken_model_is_the_servers_failure(folder: Path, piper: Piper) -> None:
    (folder / "en_US-tiny-low.onnx").write_bytes(b"no model")
    with pytest.raises(ProviderError, match="failed with this text or voice") as raised:
        piper.synthesize(request(piper))
    assert raised.value.status == 500


def test_voice_that_was_replaced_on_disk_is_loaded_anew(folder: Path, piper: Piper) -> None:
    before = samples(piper)
    install(folder, inference={"length_scale": 2.0})
    assert samples(piper) == 2 * before


def test_few_voices_are_kept_in_memory(folder: Path) -> None:
    from sayna.engines import piper_models  # noqa: PLC0415 - imports piper

    def hear(kind: bytes, payload: bytes) -> bool:
        return bool(kind == AUDIO and payload)

    def say(name: str) -> None:
        install(folder, name)
        told = {"model": str(folder / f"{name}.onnx"), "version": "1", "settings": {}, "text": "aaaa"}
        steps = piper_models.say(json.dumps(told).encode(), hear)
        assert list(steps) == [None]

    names = [f"en_US-v{number}-low" for number in range(piper_models.VOICES_KEPT + 2)]
    for name in names:
        say(name)
    kept = piper_models._voice.cache_info()
    assert kept.currsize == piper_models.VOICES_KEPT
    say(names[2])
    assert piper_models._voice.cache_info().hits == kept.hits + 1
    say(names[1])
    assert piper_models._voice.cache_info().misses == kept.misses + 1


def test_deadline_holds_for_who_waits_behind_others(piper: Piper) -> None:
    samples(piper)
    signal_engines(piper.pool, signal.SIGSTOP)
    with pytest.raises(ProviderTimeout):
        piper.synthesize(request(piper, request_timeout=0.2))
    signal_engines(piper.pool, signal.SIGCONT)


def test_an_engine_that_dies_costs_a_retry_only(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    text = "One sentence here. " * 30
    whole = b"".join(piper.synthesize(request(piper, text=text)).chunks)
    stream = piper.synthesize(request(piper, text=text))
    start = next(stream.chunks)
    signal_engines(piper.pool)
    assert start + b"".join(stream.chunks) == whole


def test_a_text_that_is_cancelled_leaves_the_engine_to_others(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    stream = piper.synthesize(request(piper, text="One sentence here. " * 100))
    next(stream.chunks)
    stream.close()
    assert list(stream.chunks) == []
    assert samples(piper)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_child_of_a_fork_speaks(piper: Piper) -> None:
    samples(piper)
    child = os.fork()
    if child == 0:
        os._exit(0 if samples(piper) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_closed_engine_begins_anew(piper: Piper) -> None:
    samples(piper)
    piper.close()
    assert samples(piper)


def test_spoken_text_reaches_no_log(piper: Piper, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        samples(piper, "CANARY")
        samples(piper, "CANARY")
    assert "CANARY" not in caplog.text


def test_missing_folder_or_extra_is_said_clearly(make_client: MakeClient) -> None:  # noqa: F811
    assert not Piper(PiperConfig()).configured
    answer = make_client().post("/speak", json={"text": "x", "provider": "piper"})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "PROVIDER_NOT_CONFIGURED")
    assert "PIPER_VOICES_PATH" in answer.get_json()["error"]


def test_twenty_texts_at_once_leave_health_quick(make_client: MakeClient, folder: Path) -> None:  # noqa: F811
    client = make_client(PIPER_VOICES_PATH=str(folder))

    def say(number: int) -> int:
        body = {
            "text": f"{number} " + "abcdefg. " * 30,
            "provider": "piper",
            "audio_format": "linear16",
            "sample_rate": 16000,
        }
        return client.application.test_client().post("/speak", json=body).status_code

    with ThreadPoolExecutor(20) as pool:
        renderings = [pool.submit(say, number) for number in range(20)]
        waits = []
        while wait(renderings, timeout=0.02).not_done:
            began = time.monotonic()
            assert client.get("/").status_code == 200
            waits.append(time.monotonic() - began)
    assert {rendering.result() for rendering in renderings} == {200}
    # Behind the renderings each would wait for seconds.
    assert statistics.median(waits) < 0.5


def test_every_word_of_a_long_clause_is_said(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    ten = samples(piper, "$19.99 " * 10)
    for unit, times in (("$19.99 ", 100), ("100\n", 300), ("A1B2 ", 200)):
        ten = samples(piper, unit * 10)
        assert samples(piper, unit * times) == pytest.approx(ten * times / 10, rel=0.06)


def test_phonemes_and_commands_in_a_text_are_not_obeyed(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")
    assert samples(piper, "[[h@l'oU]] there") > samples(piper, "there") + 6 * LETTER_SAMPLES
    assert samples(piper, "\x0150T hello") == samples(piper, "50T hello")


def test_identical_texts_sound_alike_after_200_others(folder: Path, piper: Piper) -> None:
    install(folder, phoneme_type="espeak")

    def said(text: str, **query: Any) -> bytes:
        return b"".join(piper.synthesize(request(piper, text=text, **query)).chunks)

    before = said("Hello there.")
    dice = random.Random(7)
    for _ in range(200):
        text = "a" + "".join(dice.choice("aW 19$.,-'[]<>&\x01\u0301\n") for _ in range(dice.randrange(1, 12)))
        said(text, speaking_rate=4.0, voice_settings={"volume": 0.1 + dice.random()})
    assert said("Hello there.") == before


@pytest.mark.parametrize("text", ["\u8a9e\u8a9e CANARY", "\U0001f600 hello", "\u0e2a x"])
def test_unknown_characters_reach_no_log(
    folder: Path, piper: Piper, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    install(folder, phoneme_id_map={letter: [number] for number, letter in enumerate("_^$ xhelo")})
    with caplog.at_level(logging.DEBUG):
        samples(piper, text)
    assert caplog.text == ""

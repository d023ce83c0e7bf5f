"""`language` of POST /speak: one form for every spelling, and metadata that says what is spoken."""

import pytest
from flask.testing import FlaskClient

from sayna.speech.plan import SpeakRequest
from tests.blueprints.conftest import MakeClient


def language_of(client: FlaskClient, **fields: object) -> tuple[int | str, str, str]:
    answer = client.post("/speak", json={"text": "Hallo", **fields}).get_json()
    told = answer.get("metadata", {})
    return answer.get("code", 200), told.get("language", answer.get("error")), told.get("voice_id", "")


@pytest.mark.parametrize("language", ["de", "de_DE", "deu", " de-DE ", "DE-de", "ger", "de-Latn-DE", "\u00a0de\u00a0"])
def test_every_spelling_is_the_same_request(client: FlaskClient, language: str) -> None:
    assert language_of(client, language=language) == (200, "de", "gmw/de")


@pytest.mark.parametrize("language", ["de", "deu", " DE ", "ger", "de-Latn"])
def test_every_spelling_is_the_same_filter_of_voices(client: FlaskClient, language: str) -> None:
    listed = client.get("/voices", query_string={"language": language}).get_json()["voices"]
    assert [voice["id"] for voice in listed] == ["gmw/de"]


@pytest.mark.parametrize("language", ["german", "d", "de DE", "de-", "x" * 100_000, "de;en", "*", "-de", "de__DE"])
def test_other_text_is_refused(client: FlaskClient, language: str) -> None:
    code, sentence, _ = language_of(client, language=language)
    assert (code, "BCP 47" in sentence) == ("INVALID_REQUEST", True)
    answer = client.get("/voices", query_string={"language": language})
    assert (answer.status_code, "BCP 47" in answer.get_json()["error"]) == (400, True)


@pytest.mark.parametrize("language", ["", "  ", None])
def test_blank_language_is_the_voices_own(client: FlaskClient, language: str | None) -> None:
    assert language_of(client, language=language) == (200, "en-US", "gmw/en-US")


def test_voice_that_cannot_speak_a_language_is_refused_with_others(client: FlaskClient) -> None:
    code, sentence, _ = language_of(client, language="de-DE", voice_id="gmw/en-US")
    assert code == "INVALID_REQUEST"
    assert "gmw/en-US of espeak speaks en-US and not de-DE; send another voice_id such as gmw/de" in sentence
    code, sentence, _ = language_of(client, language="fr", voice_id="gmw/de+f3")
    assert (code, "roa/fr" in sentence) == ("INVALID_REQUEST", True)


@pytest.mark.parametrize(
    ("voice_id", "language", "spoken"),
    [
        ("gmw/en-US", "en-GB", "en-US"),
        ("gmw/en", "en-US", "en-GB"),
        ("gmw/de", "de-AT", "de"),
        ("sit/yue", "zh-HK", "yue"),
        ("gmq/nb", "no", "no"),
    ],
)
def test_metadata_says_what_the_voice_speaks(client: FlaskClient, voice_id: str, language: str, spoken: str) -> None:
    assert language_of(client, voice_id=voice_id, language=language) == (200, spoken, voice_id)


REFUSED = [
    ("azure", "en-US-JennyNeural", "de-DE"),
    ("google", "en-US-Neural2-F", "de"),
    ("deepgram", "aura-2-thalia-en", "es"),
]
TAKEN = [
    ("azure", "en-US-AvaMultilingualNeural", "de-DE", "de-DE"),
    ("azure", "en-US-Ava:DragonHDLatestNeural", "fr", "fr"),
    ("azure", "zh-HK-HiuMaanNeural", "yue", "zh-HK"),
    ("azure", "en-US-JennyNeural", "en_GB", "en-US"),
    ("azure", "my-own-voice", "de", "de"),
    ("google", "cmn-CN-Wavenet-A", "zh", "zh-CN"),
    ("google", "Achernar", "de", "de"),
    ("deepgram", "aura-2-viktoria-de", "deu", "de"),
    ("elevenlabs", "21m00Tcm4TlvDq8ikWAM", "de", "de"),
    ("openai", "alloy", "pt_br", "pt-BR"),
]


KEYS = {
    "AZURE_SPEECH_SUBSCRIPTION_KEY": "k",
    "DEEPGRAM_API_KEY": "k",
    "ELEVENLABS_API_KEY": "k",
    "OPENAI_API_KEY": "k",
    "GOOGLE_APPLICATION_CREDENTIALS": '{"type": "service_account"}',
}


@pytest.mark.parametrize(("provider", "voice_id", "language"), REFUSED)
def test_voice_with_a_language_in_its_name_is_refused_for_others(
    provider: str, voice_id: str, language: str, make_client: MakeClient
) -> None:
    code, sentence, _ = language_of(make_client(**KEYS), provider=provider, voice_id=voice_id, language=language)
    assert code == "INVALID_REQUEST"
    assert f"and not {language}; send another voice_id from GET /voices" in sentence


@pytest.mark.parametrize(("provider", "voice_id", "language", "spoken"), TAKEN)
def test_voice_speaks_its_own_language_or_any_when_multilingual(
    provider: str, voice_id: str, language: str, spoken: str, make_client: MakeClient
) -> None:
    planner = make_client(**KEYS).application.extensions["sayna"].planner
    plan = planner.plan(SpeakRequest("x", provider=provider, voice_id=voice_id, language=language))
    assert (plan.language, plan.voice_id) == (spoken, voice_id)


@pytest.mark.parametrize(("language", "voice_id"), [("", "aura-2-thalia-en"), ("de-AT", "aura-2-viktoria-de")])
def test_provider_picks_a_voice_for_the_language(language: str, voice_id: str, make_client: MakeClient) -> None:
    planner = make_client(**KEYS).application.extensions["sayna"].planner
    assert planner.plan(SpeakRequest("x", provider="deepgram", language=language)).voice_id == voice_id


def test_provider_without_a_voice_for_the_language_names_its_languages(make_client: MakeClient) -> None:
    code, sentence, _ = language_of(make_client(**KEYS), provider="deepgram", language="ru")
    assert (code, "en, de, es" in sentence) == ("PROVIDER_REJECTED_REQUEST", True)

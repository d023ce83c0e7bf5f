"""What is particular to Google; what it shares with others is in test_providers_contract.py."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sayna import errors
from sayna.cloud.google import Token, TokenCache
from sayna.config import Secret
from sayna.http import Deadline
from sayna.providers.base import Voice
from sayna.providers.google import Google, GoogleConfig
from tests.audio.sounds import HERTZ, heard
from tests.wire import answers
from tests.wire.asking import plan, request, resolved, speak
from tests.wire.google import TOKEN_URI, GoogleFake, oauth_error, pem, service_account
from tests.wire.server import FaultServer


@pytest.fixture
def fake() -> Iterator[GoogleFake]:
    with GoogleFake() as fake:
        yield fake


def asked(fake: GoogleFake, **query: Any) -> dict[str, Any]:
    provider = fake.provider()
    speak(provider, request(provider, **query))
    return fake.asked[-1]


def test_one_token_serves_all_who_ask_at_once(fake: GoogleFake) -> None:
    provider = fake.provider()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: speak(provider), range(8)))

    assert len(fake.tokens.issued) == 1


@pytest.mark.parametrize(("lasts", "tokens"), [(59, 2), (3599, 1)])
def test_a_token_is_replaced_a_minute_before_its_end(fake: GoogleFake, lasts: int, tokens: int) -> None:
    fake.tokens.lasts = lasts
    provider = fake.provider()

    speak(provider)
    speak(provider)

    assert len(fake.tokens.issued) == tokens


def test_a_token_that_is_over_is_replaced_unnoticed(fake: GoogleFake) -> None:
    provider = fake.provider()
    speak(provider)
    fake.over.add(fake.tokens.issued[0])

    assert speak(provider)
    assert (len(fake.tokens.issued), len(fake.hits)) == (2, 3)


@pytest.mark.parametrize(("own", "status"), [(False, 500), (True, 400)])
def test_a_new_token_that_is_refused_too_is_the_account_s_fault(fake: GoogleFake, own: bool, status: int) -> None:
    provider = fake.provider()
    fake.always(answers.status(401)).then(answers.status(401), answers.status(401))

    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider, request(provider, auth=fake.credentials("good") if own else None))

    assert (caught.value.status, len(fake.hits)) == (status, 2)


@pytest.mark.parametrize(("own", "status"), [(False, 500), (True, 400)])
def test_an_account_that_gets_no_token_is_refused(fake: GoogleFake, own: bool, status: int) -> None:
    provider = fake.provider("good" if own else "revoked")

    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider, request(provider, auth=fake.credentials("revoked") if own else None))

    assert (caught.value.status, fake.hits, len(fake.tokens.hits)) == (status, [], 1)


def test_every_account_has_its_own_token(fake: GoogleFake) -> None:
    provider = fake.provider("server")

    for auth in (None, fake.credentials("tenant"), None):
        speak(provider, request(provider, auth=auth))

    assert [token.split(".")[1] for token in fake.tokens.issued] == ["server", "tenant"]


@pytest.mark.parametrize(
    "token",
    [
        {"access_token": "a\r\nb", "expires_in": 3599},
        {"access_token": "", "expires_in": 3599},
        {"access_token": "a", "expires_in": "soon"},
        {"access_token": "a", "expires_in": 3599.5},
        {"access_token": "a", "expires_in": 10**400},
        {"id_token": "a"},
        [],
    ],
)
def test_a_token_that_is_none_is_not_used(fake: GoogleFake, token: object) -> None:
    fake.tokens.then(answers.as_json(token))

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())
    assert fake.hits == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answers.status(500), errors.ProviderError),
        (answers.redirect("http://127.0.0.1:1/"), errors.ProviderError),
        (oauth_error("invalid_client"), errors.ProviderRejectedCredentials),
        (answers.html(), errors.ProviderError),
    ],
)
def test_a_failure_where_tokens_are_made_is_named(
    fake: GoogleFake, answer: Any, expected: type[errors.ProviderError]
) -> None:
    fake.tokens.then(answer, answer)

    with pytest.raises(errors.ProviderError) as caught:
        speak(fake.provider())
    assert type(caught.value) is expected
    assert "CANARY" not in caught.value.message


def test_waiting_for_another_s_token_ends_at_the_deadline() -> None:
    tokens, minting, go_on = TokenCache(), threading.Event(), threading.Event()

    def slowly() -> Token:
        minting.set()
        go_on.wait(30)
        return Token.valid_for("slow", 3600)

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(tokens.get, "account", slowly, Deadline.after(10))
        assert minting.wait(30)
        with pytest.raises(TimeoutError):
            tokens.get("account", slowly, Deadline.after(0.05))
        go_on.set()
        assert first.result(30) == "slow"


def test_the_tokens_of_the_accounts_used_last_are_kept() -> None:
    tokens, minted = TokenCache(), []

    def mint() -> Token:
        minted.append(time.monotonic())
        return Token.valid_for("t", 3600)

    for number in range(300):
        tokens.get(str(number), mint, Deadline.after(5))
        tokens.get("0", mint, Deadline.after(5))

    assert len(minted) == 300


def test_a_silent_place_of_tokens_is_given_up_in_time(fake: GoogleFake) -> None:
    fake.tokens.then(answers.hang())
    provider = fake.provider()

    with pytest.raises(errors.ProviderTimeout):
        speak(provider, request(provider, request_timeout=0.4))


FLAWED: dict[str, Any] = {
    "an existing path": "/etc/hostname",
    "a missing path": "/no/such/file.json",
    "its JSON as a string": json.dumps({"type": "service_account"}),
    "nothing": None,
    "a list": [],
    "an empty object": {},
    "another type": service_account("x", type="authorized_user"),
    "a file to read": {"type": "external_account", "credential_source": {"file": "/etc/hostname"}},
    "another token_uri": service_account("x", token_uri="https://evil.example/token"),
    "http": service_account("x", token_uri="http://oauth2.googleapis.com/token"),
    "a longer token_uri": service_account("x", token_uri=f"{TOKEN_URI}@evil.example"),
    "a number as token_uri": service_account("x", token_uri=7),
    "another universe": service_account("x", universe_domain="evil.example"),
    "no key": service_account("x", private_key=None),
    "a path as key": service_account("x", private_key="/etc/ssl/private/key.pem"),
    "a huge key": service_account("x", private_key="-----BEGIN " + "x" * 9000),
    "no e-mail": service_account("x", client_email=""),
    "CR and LF": service_account("x", client_email="a@b.c\r\n"),
}


@pytest.mark.parametrize("flaw", FLAWED)
def test_other_credentials_are_refused_in_the_same_words(fake: GoogleFake, flaw: str) -> None:
    with pytest.raises(errors.InvalidProviderAuth) as first:
        plan(fake.provider(), auth={"credentials": "/no/such/path"})
    with pytest.raises(errors.InvalidProviderAuth) as caught:
        plan(fake.provider(), auth={"credentials": FLAWED[flaw]})

    assert caught.value.message == first.value.message
    assert (fake.connections, fake.tokens.connections) == (0, 0)


def test_a_request_cannot_say_where_tokens_are_made(fake: GoogleFake) -> None:
    with FaultServer() as elsewhere:
        for place in (f"{elsewhere.url}/token", f"http://127.0.0.1:{elsewhere.port}"):
            with pytest.raises(errors.InvalidProviderAuth):
                plan(fake.provider(), auth={"credentials": service_account("x", token_uri=place)})
        assert elsewhere.connections == 0


@pytest.mark.parametrize("auth", [{"api_key": "x"}, {"credentials": service_account("x"), "token_url": "x"}])
def test_unknown_fields_of_auth_are_refused(fake: GoogleFake, auth: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidProviderAuth):
        plan(fake.provider(), auth=auth)


GARBAGE = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def test_a_key_that_is_none_is_the_caller_s_mistake(fake: GoogleFake) -> None:
    provider = fake.provider()

    with pytest.raises(errors.InvalidProviderAuth):
        speak(provider, request(provider, auth={"credentials": service_account("x", private_key=GARBAGE)}))


def test_a_key_whose_line_breaks_are_escaped_twice_is_taken(fake: GoogleFake) -> None:
    """As many environment files have it (github.com/theoephraim/node-google-spreadsheet/issues/70)."""
    escaped = service_account("good", private_key=pem().replace("\n", r"\n"))
    provider = fake.with_account(escaped)

    assert speak(provider)
    assert speak(provider, request(provider, auth={"credentials": escaped}))


@pytest.mark.parametrize(
    "account",
    [
        service_account("x", private_key=GARBAGE),
        service_account("x", private_key=None),
        service_account("x", type="external_account"),
        {"type": ["service_account"]},
        {},
    ],
)
def test_a_server_s_account_that_is_none_is_not_configured(fake: GoogleFake, account: dict[str, Any]) -> None:
    provider = Google(GoogleConfig(credentials=Secret(json.dumps(account)), base_url=fake.url))

    with pytest.raises(errors.ProviderNotConfigured):
        speak(provider)


def test_the_server_s_account_may_be_a_file(fake: GoogleFake, tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(service_account("file")), "utf-8")
    config = GoogleConfig(credentials=Secret(str(file)), base_url=fake.url, token_url=f"{fake.tokens.url}/token")

    assert speak(Google(config))

    file.unlink()
    with pytest.raises(errors.ProviderNotConfigured):
        speak(Google(config))


def test_a_person_s_account_names_the_project_to_be_billed(fake: GoogleFake) -> None:
    person = {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "secret",
        "refresh_token": "good",
        "quota_project_id": "project-7",
    }

    assert speak(fake.with_account(person))
    assert fake.hits[0].headers["x-goog-user-project"] == "project-7"


@pytest.mark.parametrize("name", ["mulaw", "alaw"])
def test_telephone_audio_begins_with_the_first_sample(fake: GoogleFake, name: str) -> None:
    provider = fake.provider()

    codes = speak(provider, request(provider, name, 8000))

    assert codes == fake.delivered(resolved(name, 8000))
    assert heard(codes, resolved(name, 8000)).hertz == pytest.approx(HERTZ, abs=5)


@pytest.mark.parametrize(
    ("query", "voice"),
    [
        ({}, {"name": "en-US-Neural2-F", "languageCode": "en-US"}),
        ({"voice_id": "es-419-Chirp3-HD-Kore"}, {"name": "es-419-Chirp3-HD-Kore", "languageCode": "es-419"}),
        (
            {"voice_id": "cmn-TW-Wavenet-A", "language": "zh"},
            {"name": "cmn-TW-Wavenet-A", "languageCode": "cmn-TW"},
        ),
        ({"voice_id": "en-us-wavenet-d"}, {"name": "en-us-wavenet-d", "languageCode": "en-US"}),
        (
            {"voice_id": "Achernar"},
            {"name": "Achernar", "languageCode": "en-US", "modelName": "gemini-2.5-flash-tts"},
        ),
        (
            {"voice_id": "Achernar", "language": "de-DE", "model": "gemini-2.5-pro-tts"},
            {"name": "Achernar", "languageCode": "de-DE", "modelName": "gemini-2.5-pro-tts"},
        ),
        ({"language": "de-DE"}, {"languageCode": "de-DE"}),
        ({"language": "EN-us"}, {"name": "en-US-Neural2-F", "languageCode": "en-US"}),
        ({"model": "de-DE-Neural2-G"}, {"name": "de-DE-Neural2-G", "languageCode": "de-DE"}),
    ],
)
def test_a_voice_is_asked_for_in_its_own_language(
    fake: GoogleFake, query: dict[str, str], voice: dict[str, str]
) -> None:
    assert asked(fake, **query)["voice"] == voice


def test_settings_are_part_of_the_audio_config(fake: GoogleFake) -> None:
    settings = {"pitch": -2, "volume_gain_db": 3.5, "effects_profile": "handset-class-device"}

    config = asked(fake, speaking_rate=4.0, voice_settings=settings)["audioConfig"]

    assert config == {
        "audioEncoding": "LINEAR16",
        "sampleRateHertz": 24000,
        "speakingRate": 2.0,
        "pitch": -2,
        "volumeGainDb": 3.5,
        "effectsProfileId": ["handset-class-device"],
    }


@pytest.mark.parametrize("content", ["", "no base64!", None, 7, "AAAA="])
def test_an_answer_without_audio_is_an_error(fake: GoogleFake, content: object) -> None:
    fake.then(answers.as_json({"audioContent": content}))

    with pytest.raises(errors.ProviderError):
        speak(fake.provider())


def test_voices_tell_language_gender_and_rate(fake: GoogleFake) -> None:
    first, second, third, odd = fake.provider().list_voices(Deadline.after(5))

    assert first == Voice(
        id="en-US-Neural2-F",
        name="Neural2 F",
        provider="google",
        gender="Female",
        languages=("en-US",),
        sample_rates=(24000,),
    )
    assert (second.name, second.languages, second.gender) == ("Chirp3 HD Kore", ("es-419",), "Male")
    assert (third.name, third.gender) == ("Wavenet A", "Neutral")
    assert odd == Voice(id="Achernar", name="Achernar", provider="google")

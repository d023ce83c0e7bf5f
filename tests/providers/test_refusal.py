"""What Sayna keeps and says of a vendor that refuses the server's own key."""

import json
import logging
from collections.abc import Iterator

import pytest

from sayna import errors
from sayna.http import Deadline
from sayna.providers.vendor_health import NOTE_SECONDS, RefusalNote
from tests.wire import VendorFake, answers
from tests.wire.asking import request, speak
from tests.wire.fakes import CLOUD, fake_of

KEY = "server-canary-key"


@pytest.fixture(params=CLOUD)
def fake(request: pytest.FixtureRequest) -> Iterator[VendorFake]:
    with fake_of(request.param)() as fake:
        yield fake


@pytest.mark.parametrize("key", ["bad", "poor"])
def test_refused_key_of_the_server_is_said_plainly(
    fake: VendorFake, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = fake.provider(key)
    assert provider.problem == ""

    for _ in range(2):
        with pytest.raises(errors.ProviderRejectedCredentials) as caught:
            speak(provider)

    assert provider.problem == caught.value.message
    assert caught.value.message.startswith(f"the server's key for {fake.slug} was refused: ")
    said = [record for record in caplog.records if record.message == "vendor_key_refused"]
    assert [(each.levelno, vars(each)["fields"]["provider"]) for each in said] == [(logging.ERROR, fake.slug)]


def test_refused_key_is_noted_by_the_list_of_voices_too(fake: VendorFake) -> None:
    if fake.slug == "openai":
        fake.then(answers.status(401))
    provider = fake.provider("bad")

    with pytest.raises(errors.ProviderRejectedCredentials):
        provider.list_voices(Deadline.after(20))

    assert provider.problem


def test_success_ends_the_note(fake: VendorFake) -> None:
    provider = fake.provider()
    fake.then(answers.status(403))
    with pytest.raises(errors.ProviderRejectedCredentials):
        speak(provider)
    assert provider.problem

    speak(provider)

    assert provider.problem == ""


def test_key_of_a_request_changes_no_note(fake: VendorFake) -> None:
    provider = fake.provider()
    with pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider, request(provider, auth=fake.credentials("bad")))
    assert provider.problem == ""
    assert "in this request" in caught.value.message

    fake.then(answers.status(403))
    with pytest.raises(errors.ProviderRejectedCredentials):
        speak(provider)
    speak(provider, request(provider, auth=fake.credentials("good")))
    assert provider.problem, "another key says nothing about the server's"


@pytest.mark.parametrize("answer", [answers.status(500), answers.status(404), answers.too_many("9"), answers.html()])
def test_other_failures_are_no_refused_key(fake: VendorFake, answer: object) -> None:
    provider = fake.provider()
    fake.then(answer, answer)  # type: ignore[arg-type]

    with pytest.raises(errors.ProviderError):
        speak(provider)

    assert provider.problem == ""


def test_the_key_is_in_no_sentence_and_no_log(fake: VendorFake, caplog: pytest.LogCaptureFixture) -> None:
    provider = fake.provider(KEY)
    fake.then(answers.status(403), answers.status(403))

    with caplog.at_level("DEBUG"), pytest.raises(errors.ProviderRejectedCredentials) as caught:
        speak(provider)

    told = caught.value.message + provider.problem + json.dumps([str(vars(each)) for each in caplog.records])
    assert KEY not in told


def test_note_ends_after_its_time() -> None:
    now = 0.0
    refusal = RefusalNote(clock=lambda: now)

    assert refusal.note()
    assert not refusal.note(), "the second refusal is no news"
    now = NOTE_SECONDS - 1
    assert refusal.is_recent
    now = NOTE_SECONDS
    assert not refusal.is_recent
    assert refusal.note()
    refusal.clear()
    assert not refusal.is_recent

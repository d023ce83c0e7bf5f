"""A secret does not get out by accident."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest

from sayna.config import Secret, load_config

CANARY = "canary-0123456789abcdef"

EVERYTHING = {
    "AUTH_REQUIRED": "true",
    "AUTH_API_SECRETS_JSON": json.dumps([{"id": "a", "secret": CANARY}]),
    "AUTH_API_SECRET": f"{CANARY}-2",
    "DEEPGRAM_API_KEY": CANARY,
    "ELEVENLABS_API_KEY": CANARY,
    "AZURE_SPEECH_SUBSCRIPTION_KEY": CANARY,
    "GOOGLE_APPLICATION_CREDENTIALS": json.dumps({"private_key": CANARY}),
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": CANARY,
    "RECORDING_S3_BUCKET": "bucket",
    "RECORDING_S3_REGION": "eu-central-1",
    "RECORDING_S3_ACCESS_KEY": CANARY,
    "RECORDING_S3_SECRET_KEY": CANARY,
    "SIP_HOOK_SECRET": CANARY,
    "SIP_HOOKS_JSON": json.dumps([{"host": "a.example", "url": "https://a.example", "auth_id": "a", "secret": CANARY}]),
    "SIP_OUTBOUND_AUTH_USERNAME": "user",
    "SIP_OUTBOUND_AUTH_PASSWORD": CANARY,
}


def test_printed_configuration_shows_no_secret() -> None:
    config = load_config(EVERYTHING)
    assert config.auth.secrets[0].secret.reveal() == CANARY
    assert CANARY not in f"{config!r} {config} {config.auth.secrets}"


@pytest.mark.parametrize("show", [repr, str, format, "{:>10}".format, "%s".__mod__, lambda s: f"{s!r}{s}"])
def test_every_way_of_writing_a_secret_gives_stars(show: Callable[[Secret], str]) -> None:
    assert set(show(Secret(CANARY))) == {"*"}


@pytest.mark.parametrize("copier", [pickle.dumps, json.dumps, copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_serialised_or_copied(copier: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        copier(Secret(CANARY))


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("é") == Secret("é")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"

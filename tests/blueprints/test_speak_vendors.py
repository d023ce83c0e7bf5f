"""POST /speak from the settings of each cloud vendor to its wire and back."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.audio.sounds import HERTZ, heard
from tests.blueprints.conftest import MakeClient
from tests.wire import VendorFake
from tests.wire.asking import TEXT, resolved
from tests.wire.azure import AzureFake
from tests.wire.cartesia import CartesiaFake
from tests.wire.google import GoogleFake, service_account
from tests.wire.openai import OpenAIFake
from tests.wire.polly import REGION, PollyFake

SETTINGS: dict[type[VendorFake], Callable[[Any], dict[str, str]]] = {
    AzureFake: lambda fake: {
        "AZURE_SPEECH_SUBSCRIPTION_KEY": "good",
        "AZURE_SPEECH_REGION": "westeurope",
        "AZURE_SPEECH_BASE_URL": fake.url,
    },
    CartesiaFake: lambda fake: {"CARTESIA_API_KEY": "good", "CARTESIA_BASE_URL": fake.url},
    GoogleFake: lambda fake: {
        "GOOGLE_APPLICATION_CREDENTIALS": json.dumps(service_account("good")),
        "GOOGLE_TTS_BASE_URL": fake.url,
        "GOOGLE_TOKEN_URL": f"{fake.tokens.url}/token",
    },
    OpenAIFake: lambda fake: {"OPENAI_BASE_URL": f"{fake.url}/v1/"},
    PollyFake: lambda fake: {
        "POLLY_ENABLED": "true",
        "POLLY_ENDPOINT_URL": fake.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "good",
        "AWS_SECRET_ACCESS_KEY": "secret/of+good",
    },
}


@pytest.fixture(params=SETTINGS, ids=lambda kind: kind.slug)
def fake(request: pytest.FixtureRequest) -> Iterator[VendorFake]:
    with request.param() as fake:
        yield fake


def test_a_vendor_speaks_and_is_paid_once(fake: VendorFake, make_client: MakeClient) -> None:
    client = make_client(**SETTINGS[type(fake)](fake))

    answers = [client.post("/speak", json={"text": TEXT, "provider": fake.slug}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    sound = heard(base64.b64decode(answers[0].get_json()["audio"]), resolved("wav", 24000))
    assert (sound.rate, round(sound.hertz)) == (24000, HERTZ)
    assert answers[1].get_json()["metadata"]["cached"] is True
    assert (fake.texts, len(fake.hits)) == ([TEXT], 1)


def test_nobody_hears_what_another_account_paid_for(fake: VendorFake, make_client: MakeClient) -> None:
    client = make_client(**SETTINGS[type(fake)](fake))
    body = {"text": TEXT, "provider": fake.slug}
    assert client.post("/speak", json=body).status_code == 200

    answer = client.post("/speak", json=body | {"auth": fake.credentials("bad")})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "PROVIDER_REJECTED_CREDENTIALS")
    assert "CANARY" not in answer.text


HOSTILE = {
    "azure": {"api_key": "good", "region": "127.0.0.1:9/#"},
    "cartesia": {"api_key": "a\r\nX-Evil: 1"},
    "google": {"credentials": "/etc/hostname"},
    "openai": {"api_key": "good", "base_url": "http://169.254.169.254/"},
    "polly": {"access_key_id": "a", "secret_access_key": "b", "region": "x.evil.example/"},
}


def test_credentials_that_are_none_reach_nobody(fake: VendorFake, make_client: MakeClient) -> None:
    client = make_client(**SETTINGS[type(fake)](fake))

    answer = client.post("/speak", json={"text": TEXT, "provider": fake.slug, "auth": HOSTILE[fake.slug]})

    assert (answer.status_code, answer.get_json()["code"]) == (400, "INVALID_PROVIDER_AUTH")
    assert "/etc/hostname" not in answer.text
    assert fake.connections == 0


def test_the_other_name_of_azure_is_taken(make_client: MakeClient) -> None:
    with AzureFake() as fake:
        client = make_client(**SETTINGS[AzureFake](fake))

        answer = client.post("/speak", json={"text": TEXT, "provider": "Microsoft-Azure"})

        assert answer.get_json()["metadata"]["provider"] == "azure"

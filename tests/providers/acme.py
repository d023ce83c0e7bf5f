"""A pretend vendor, all of it in one file: test_new_vendor.py copies it into a scratch checkout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.http import Deadline
from sayna.providers.base import AudioStream, ProviderFacts, SettingSpec, SpeechRequest, Voice
from sayna.providers.cloud import CloudProvider
from sayna.providers.parsing import text


@dataclass(frozen=True, slots=True)
class AcmeConfig(KeyedConfig):
    """The settings of Acme."""

    api_key: Secret | None = setting("ACME_API_KEY", token, None, "API key of Acme.")
    base_url: str = setting("ACME_BASE_URL", cloud, "https://api.acme.example", "Base URL of the Acme API.")


class Acme(CloudProvider):
    """Acme's voices."""

    slug = "acme"
    aliases = ("acme-speech",)
    config_class = AcmeConfig
    facts = ProviderFacts("`ACME_API_KEY`", "linear16 8 kHz")
    default_voice = "anna"
    default_language = "en-US"
    rates = (0.5, 2.0)
    voice_settings: ClassVar[Mapping[str, SettingSpec]] = {"mood": SettingSpec(str, choices=("merry", "grave"))}
    sample_rates = (8000,)
    max_chars = 777

    def render(self, request: SpeechRequest) -> AudioStream:
        """Return the audio as it is made."""
        body = {"text": request.text, "speed": request.speaking_rate, **request.settings}
        headers = self.key_headers(request.credentials)
        return self.audio(request, f"{self.base_url}/say", headers=headers, body=body)

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        """Return every voice."""
        answer = self.json("GET", f"{self.base_url}/voices", headers=self.key_headers(None), deadline=deadline)
        items = self.listed(answer, "voices")
        return [Voice(id=text(item, "id"), name=text(item, "id"), provider=self.slug) for item in items]

"""Real vendors: each is asked only when the environment holds what it is configured by."""

import os
from collections.abc import Callable

import pytest

from sayna.config import load_config
from sayna.providers import PROVIDERS
from sayna.providers.base import TTSProvider
from sayna.providers.cloud import CloudProvider

# `scripts/test live` asks all that are configured.
CLOUD = [slug for slug, kind in PROVIDERS.items() if issubclass(kind, CloudProvider)]


@pytest.fixture(scope="session", params=CLOUD)
def provider(request: pytest.FixtureRequest) -> TTSProvider:
    """A vendor with this server's own credentials; each of its calls costs money."""
    slug = request.param
    config = getattr(load_config(dict(os.environ)).providers, slug)
    if not config.configured:
        pytest.skip(f"no credentials of {slug} here; to ask the real one, set {PROVIDERS[slug].facts.needs}")
    return PROVIDERS[slug](config)


@pytest.fixture(scope="session")
def wrong_credentials() -> Callable[[TTSProvider], dict[str, object]]:
    """Return well-formed credentials of a vendor that nobody has."""

    def wrong(provider: TTSProvider) -> dict[str, object]:
        if provider.slug == "google":
            from tests.wire.google import service_account  # noqa: PLC0415

            return {"credentials": service_account("nobody")}
        given: dict[str, object] = dict.fromkeys(provider.auth_fields, "nobody")
        if provider.slug == "polly":
            return given | {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "region": "us-east-1"}
        return given | ({"region": "eastus"} if provider.slug == "azure" else {})

    return wrong

"""The fakes of all cloud vendors, by slug."""

import importlib

from sayna.providers import PROVIDERS
from sayna.providers.cloud import CloudProvider
from tests.wire.vendor import VendorFake

CLOUD = [slug for slug, kind in PROVIDERS.items() if issubclass(kind, CloudProvider)]


def fake_of(slug: str) -> type[VendorFake]:
    """Return the class of a vendor's fake, which is tests/wire/<slug>.py."""
    kind: type[VendorFake] = importlib.import_module(f"tests.wire.{slug}").Fake
    return kind


def having(trait: str) -> list[str]:
    """Return the vendors whose fakes have a trait."""
    return [slug for slug in CLOUD if getattr(fake_of(slug), trait)]

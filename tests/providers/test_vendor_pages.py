"""What README and docs/providers say of a vendor is what its class says."""

import importlib
import re
import runpy
from pathlib import Path

import pytest

from sayna import audio
from sayna.config import settings
from sayna.providers import PROVIDERS
from sayna.providers.base import SettingSpec
from sayna.providers.cloud import CloudProvider

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "settings_page.py"))
CLOUD = [slug for slug, kind in PROVIDERS.items() if issubclass(kind, CloudProvider)]


def page(slug: str) -> str:
    return (ROOT / "docs" / "providers" / f"{slug}.md").read_text("utf-8")


def test_the_readme_has_the_table_of_the_classes() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")

    table = readme.partition(SCRIPT["BEGIN"])[2].partition(SCRIPT["END"])[0].strip()
    assert table == SCRIPT["providers_table"](), "run: python scripts/settings_page.py"


def test_every_vendor_has_a_page_and_no_other() -> None:
    assert {path.stem for path in (ROOT / "docs" / "providers").glob("*.md")} == set(PROVIDERS)


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_page_names_every_setting_of_its_vendor(slug: str) -> None:
    text = page(slug)
    missing = [each.name for each in settings() if each.group == slug and f"`{each.name}`" not in text]
    assert missing == []


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_page_names_what_a_request_may_hold(slug: str) -> None:
    provider, text = PROVIDERS[slug], page(slug)

    for name in provider.auth_fields:
        assert f'"{name}"' in text, name
    for name, spec in provider.voice_settings.items():
        line = next((each for each in text.splitlines() if f"`{name}`" in each), "")
        assert all(word in line for word in words(spec)), (name, words(spec))


def words(spec: SettingSpec) -> list[str]:
    bounds = [f"{bound:.12g}" for bound in (spec.low, spec.high) if bound is not None]
    return [*bounds, *spec.choices]


@pytest.mark.parametrize("slug", PROVIDERS)
def test_a_page_names_the_limits_of_its_vendor(slug: str) -> None:
    provider, text = PROVIDERS[slug], page(slug).replace(",", "")

    low, high = provider.rates
    assert re.search(rf"\b{low:g}(0)?-{high:g}", text) or (low, high) == (0.25, 4.0)
    for limit in (provider.max_chars, provider.max_bytes):
        assert limit is None or str(limit) in text


@pytest.mark.parametrize("slug", CLOUD)
def test_the_formats_of_the_table_are_the_native_ones(slug: str) -> None:
    natives = {name for name, _ in importlib.import_module(f"tests.wire.{slug}").Fake.natives}
    formats = PROVIDERS[slug].facts.formats

    named = set(audio.FORMATS) if formats.startswith("all") else {name for name in audio.FORMATS if name in formats}

    assert natives <= named, natives - named


@pytest.mark.parametrize("slug", PROVIDERS)
def test_key_slug_and_module_of_a_vendor_are_one_name(slug: str) -> None:
    provider = PROVIDERS[slug]

    assert (provider.slug, provider.__module__.split(".")[2]) == (slug, slug)

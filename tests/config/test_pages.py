"""The pages about settings list every setting, and no other."""

import re
import runpy
import shutil
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path

from sayna.config import Config, load_config, settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "settings_page.py"))
DESCRIPTIONS = SCRIPT["DESCRIPTIONS"]
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_the_pages_are_as_the_fields_say() -> None:
    assert (SCRIPT["env_example"](), SCRIPT["table"]()) == (EXAMPLE, PAGE), "run: python scripts/settings_page.py"


def test_writing_the_pages_renews_them(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "README.md", tmp_path)
    SCRIPT["write"](tmp_path)
    assert (tmp_path / ".env.example").read_text("utf-8") == EXAMPLE
    assert (tmp_path / "docs" / "settings.md").read_text("utf-8") == PAGE
    assert (tmp_path / "README.md").read_text("utf-8") == (ROOT / "README.md").read_text("utf-8")


def test_both_pages_name_exactly_the_settings() -> None:
    names = Counter(info.name for info in settings())
    assert set(names.values()) == {1}
    assert Counter(re.findall(r"^#([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == names
    assert Counter(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", PAGE, re.MULTILINE)) == names


def test_every_setting_has_a_description_and_its_yaml_place() -> None:
    places = [info.yaml for info in settings() if info.name != "SAYNA_CONFIG"]
    assert None not in places
    assert len(set(places)) == len(places)
    assert all(info.group for info in settings())
    own = {info.name: info.description for info in settings() if info.description}
    assert own.keys().isdisjoint(DESCRIPTIONS)
    assert len(own) + len(DESCRIPTIONS) == len(settings())
    assert all(text.endswith(".") for text in (*own.values(), *DESCRIPTIONS.values()))


def test_example_with_its_settings_on_is_the_default() -> None:
    lines = re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    halves = (
        "_BASE_URL",
        "_REGION",
        "_TOKEN_URL",
        "_GCS_ENDPOINT",
        "AUTH_API_SECRET_ID",
        "_FORCE_PATH_STYLE",
    )
    environ = {name: value for name, value in lines if not name.endswith(halves)}
    assert load_config(environ) == Config()


def test_only_settings_and_groups_of_settings_are_fields() -> None:
    config = Config()
    for section in (config, *(getattr(config, each.name) for each in fields(config))):
        for each in fields(section):
            assert "setting" in each.metadata or is_dataclass(getattr(section, each.name)), each.name


def test_place_in_yaml_follows_section_and_field() -> None:
    places = {info.name: info.yaml for info in settings()}

    assert places["WEB_CONCURRENCY"] == "server.workers"
    assert places["BIND"] == "server.bind"
    assert places["AZURE_SPEECH_REGION"] == "providers.azure_speech_region"
    assert places["STUDIO_ENABLED"] == "server.studio_enabled"

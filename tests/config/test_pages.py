"""The pages about settings list every setting, and nothing else."""

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from pathlib import Path

from sayna.config import Config, load_config, settings
from sayna.config.__main__ import ROOT, env_example, table, write

EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_the_pages_are_as_the_fields_say() -> None:
    assert (env_example(), table()) == (EXAMPLE, PAGE), "run: python -m sayna.config"


def test_writing_them_renews_both(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    write(tmp_path)
    assert (tmp_path / ".env.example").read_text("utf-8") == EXAMPLE
    assert (tmp_path / "docs" / "settings.md").read_text("utf-8") == PAGE


def test_both_pages_name_exactly_the_settings() -> None:
    names = Counter(info.name for info in settings())
    assert set(names.values()) == {1}
    assert Counter(re.findall(r"^#([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) == names
    assert Counter(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", PAGE, re.MULTILINE)) == names


def test_every_setting_has_a_sentence_and_a_place_in_yaml_of_its_own() -> None:
    places = [info.yaml for info in settings() if info.name != "SAYNA_CONFIG"]
    assert None not in places
    assert len(set(places)) == len(places)
    assert all(info.doc.endswith(".") and info.group for info in settings())


def test_the_example_with_every_whole_setting_switched_on_is_the_default_configuration() -> None:
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
    for section in (Config, *(each.type for each in fields(Config))):
        for each in fields(section):
            assert "setting" in each.metadata or is_dataclass(each.type), each.name

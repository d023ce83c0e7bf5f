"""The version has one place, and everything that names it agrees."""

import re
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from sayna import __version__
from sayna.config import load_config

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_service_and_its_document_name_the_same_version(tmp_path: Path) -> None:
    app = create_app(load_config({"CACHE_PATH": str(tmp_path)}))
    client = FlaskClient(app)
    ready, document = client.get("/ready").get_json(), client.get("/openapi.json").get_json()
    app.extensions["sayna"].close()

    assert ready["version"] == document["info"]["version"] == __version__


def test_changelog_has_unreleased_changes_and_dated_versions() -> None:
    first, *released = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)

    assert first == "Unreleased"
    assert released
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", heading) for heading in released)


def test_pages_of_the_installation_name_this_version() -> None:
    install = (ROOT / "docs" / "on-prem.md").read_text("utf-8").partition("## 3.")[0]
    unit = (ROOT / "deploy" / "sayna.service").read_text("utf-8")

    assert re.findall(r"^version=(\S+)", install, re.MULTILINE) == [__version__]
    assert set(re.findall(r"\b\d+\.\d+\.\d+\b", install + unit)) == {__version__}

"""The picture of the house in docs/architecture.md shows every room."""

import re
from pathlib import Path

import pytest

from sayna.providers import PROVIDERS

ROOT = Path(__file__).resolve().parent.parent
PICTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("```")[1]


def rooms(folder: str) -> list[str]:
    """Return the modules of a folder, and its folders with a slash."""
    entries = (ROOT / folder).iterdir()
    modules = [each.name for each in entries if each.suffix == ".py" and each.name != "__init__.py"]
    folders = [f"{each.parent.name}/" for each in (ROOT / folder).glob("*/__init__.py")]
    # A new vendor is one file; the picture says so for all.
    return [room for room in modules + folders if room.removesuffix(".py").removesuffix("/") not in PROVIDERS]


FOLDERS = ("", "audio", "cli", "engines", "http", "openapi", "providers", "recordings", "sip", "speech", "state")


@pytest.mark.parametrize("room", [room for folder in FOLDERS for room in rooms(f"sayna/{folder}")])
def test_the_picture_shows_the_room(room: str) -> None:
    assert re.search(rf"(?<![\w/.]){re.escape(room)}", PICTURE)


def test_the_picture_shows_no_room_that_is_not_there() -> None:
    names = re.findall(r"[\w.]+\.py\b|(?<=  )\w+/", PICTURE)
    paths = [*ROOT.glob("*.py"), ROOT / "bench", ROOT / "deploy", ROOT / "tests"]
    paths += [ROOT / "sayna", *(ROOT / "sayna").rglob("*")]
    there = {f"{path.name}/" if path.is_dir() else path.name for path in paths}

    assert len(names) > 40
    assert set(names) <= there

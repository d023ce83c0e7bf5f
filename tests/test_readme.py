"""The README's tables say what the code has: every field, every endpoint, nothing else."""

import re
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from sayna.config import load_config
from sayna.providers import PROVIDERS
from sayna.schemas.speak import FLAT

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
MANY = re.compile(r"`(?:(GET|POST|DELETE) )?(/[^`]*)`|`(GET|POST|DELETE)`")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table that stands first after some words."""
    lines = README[README.index(heading) :].splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("|---"))
    body = lines[begin + 1 :]
    end = next((at for at, line in enumerate(body) if not line.startswith("|")), len(body))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body[:end]]


def test_every_field_of_speak_is_in_the_table() -> None:
    told = [name for row in rows("Fields of `POST /speak`") for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(told) == sorted(FLAT.fields)


def test_every_provider_has_its_row() -> None:
    assert {re.findall(r"`([a-z]+)`", row[0])[0] for row in rows("## Providers")} == set(PROVIDERS)


def test_every_endpoint_is_in_the_table(tmp_path: Path) -> None:
    app = create_app(load_config({"CACHE_PATH": str(tmp_path)}))
    served = set()
    for path, methods in FlaskClient(app).get("/openapi.json").get_json()["paths"].items():
        served |= {(method.upper(), path) for method in methods}
    app.extensions["sayna"].close()
    told = set()
    for cell, *_ in rows("## What you can ask of it"):
        waiting: list[str] = []
        for method, path, alone in MANY.findall(cell):
            waiting += [each for each in (method, alone) if each]
            told |= {(each, path) for each in waiting if path}
            waiting = [] if path else waiting

    assert told == served

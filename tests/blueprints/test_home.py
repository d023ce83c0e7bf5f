"""GET /: JSON for programs, a small page for people."""

import pytest
from flask.testing import FlaskClient

from sayna import __version__
from tests.blueprints.conftest import MakeClient

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "application/json", "text/*", "text/html;q=0.5, application/json", "text/html, application/json", "x"],
)
def test_programs_get_json(client: FlaskClient, accept: str) -> None:
    answer = client.get("/", headers={"Accept": accept})

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert answer.headers["Vary"] == "Accept"


def test_browsers_get_a_page_with_the_links_that_are_enabled(make_client: MakeClient) -> None:
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRET="a-secret-of-the-tests", STUDIO_ENABLED="false")
    answer = client.get("/", headers={"Accept": BROWSER})

    assert (answer.status_code, answer.headers["Vary"]) == (200, "Accept")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert f"Version {__version__}" in answer.text
    assert 'href="docs"' in answer.text
    assert 'href="studio"' not in answer.text

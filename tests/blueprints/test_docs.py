"""The reference is public, sealed off, and small on the wire."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sayna.blueprints.pages import DOCS
from tests.blueprints.conftest import MakeClient

ROOT = Path(__file__).resolve().parents[2]
PATHS = ["/openapi.json", "/docs", "/docs/playground.js", "/docs/swagger-ui-bundle.js"]


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_public_when_auth_is_on(make_client: MakeClient, path: str) -> None:
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRET="a-secret-of-the-tests")

    assert client.get(path).status_code == 200
    assert client.post("/speak", json={"text": "hello"}).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_pages_return_404_when_disabled(make_client: MakeClient, path: str) -> None:
    answer = make_client(API_DOCS_ENABLED="false").get(path)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path", ["/docs", *(f"/docs/{name}" for name in {**DOCS.files, **DOCS.large} if name != "index.html")]
)
def test_pages_have_a_policy_without_other_origins(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/index.html", "/docs/..%2fapp.py", "/docs/swagger-ui.js", "/docs/a/b"]
)
def test_other_files_of_the_folders_return_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_known_etag_returns_304(client: FlaskClient, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("path", PATHS)
def test_body_is_gzip_when_the_client_accepts_it(client: FlaskClient, path: str) -> None:
    plain = client.get(path)
    squeezed = client.get(path, headers={"Accept-Encoding": "gzip, br"})

    assert "Content-Encoding" not in plain.headers
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(squeezed.data) == plain.data
    assert squeezed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert squeezed.headers["ETag"] != plain.headers["ETag"]


def test_head_has_the_headers_of_get(client: FlaskClient) -> None:
    answers = [ask("/openapi.json") for ask in (client.get, client.head)]

    assert answers[1].data == b""
    assert answers[0].headers["Content-Length"] == answers[1].headers["Content-Length"]


def test_pages_have_only_relative_addresses(client: FlaskClient) -> None:
    for path in ("/docs", "/docs/playground.js", "/docs/playground.css"):
        text = client.get(path).get_data(as_text=True)
        assert '="/' not in text
        assert "http:" not in text
        assert "https:" not in text
    assert client.get("/openapi.json").get_json()["servers"] == [{"url": "."}]


def test_apispec_is_loaded_with_the_first_document() -> None:
    code = "import sys, sayna.blueprints; sys.exit('apispec' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0

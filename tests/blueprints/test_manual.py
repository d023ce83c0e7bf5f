"""GET /help shows every page of docs/, with links that work, and finds what stands in them."""

import re
import subprocess
import sys
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from sayna.blueprints.manual import ROOT
from sayna.pages.manual import MAX_FOUND, Manual
from tests.blueprints.conftest import MakeClient

MANUAL = Manual(ROOT)
PATHS = {name: f"/help/{name}" if name else "/help" for name in MANUAL.files}


class Links(HTMLParser):
    """The links and the ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for key in ("href", "action", "src") if (value := given.get(key)) is not None]
        self.ids += [value for value in [given.get("id")] if value]


def test_every_page_of_docs_is_shown(client: FlaskClient) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}

    assert sources <= set(MANUAL.files.values())
    for name, path in PATHS.items():
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "text/html"), path
        assert f"<title>{MANUAL.titles[name]} - Sayna help</title>" in unescape(answer.text)


@pytest.mark.parametrize("prefix", ["http://sayna.test", "http://sayna.test/behind/a/proxy"])
def test_every_link_leads_to_a_page_and_its_heading(client: FlaskClient, prefix: str) -> None:
    texts = {path: Links(client.get(path).text) for path in PATHS.values()}
    others = cache(lambda there: client.get(there).status_code)
    broken = []
    for path, page in texts.items():
        for link in page.links:
            target = urlsplit(urljoin(prefix + path, link))
            if target.netloc != "sayna.test":
                continue
            there = target.path.removeprefix(urlsplit(prefix).path)
            if there in texts:
                if target.fragment and target.fragment not in texts[there].ids:
                    broken.append((path, link))
            elif others(there) != 200:
                broken.append((path, link))
    assert broken == []


def test_pages_load_nothing_of_other_servers(client: FlaskClient) -> None:
    policy = client.get("/help").headers["Content-Security-Policy"]

    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<(script|iframe|object|style)", client.get("/help/settings").text)


@pytest.mark.parametrize("name", ["../app", "..%2fapp.py", "nothing", "README.md", "on-prem/", "files/../../app.py"])
def test_other_files_return_404(client: FlaskClient, name: str) -> None:
    assert client.get(f"/help/{name}").status_code == 404
    assert client.get("/help/files/index.html").status_code == 404


def test_search_finds_the_section_of_a_setting(client: FlaskClient) -> None:
    text = client.get("/help", query_string={"q": "azure_speech_region"}).text

    found = Links(text[text.index("<ol") : text.index("</ol>")])
    assert "./help/providers/azure#azure" in found.links
    assert "<mark>AZURE_SPEECH_REGION</mark>" in text


def test_search_needs_every_word_and_says_when_none_fits(client: FlaskClient) -> None:
    text = client.get("/help", query_string={"q": "recordings xylophone"}).text

    assert "<h1>Nothing found" in text
    assert "Every word must stand in one section" in text


def test_search_shows_queries_and_excerpts_as_text(client: FlaskClient) -> None:
    hostile = '"><script>alert(1)</script>'
    assert "<script" not in client.get("/help", query_string={"q": hostile}).text
    excerpts = "".join(excerpt for _, excerpt in MANUAL.search("audio"))
    assert set(re.findall(r"<[^>]*>", excerpts)) == {"<mark>", "</mark>"}


@pytest.mark.parametrize("query", ["(", "a" * 10_000, "\\", " ", ".*", "\u0000", "e " * 4000, "(a+)+$ " * 50])
def test_search_of_any_text_is_answered(client: FlaskClient, query: str) -> None:
    assert client.get("/help", query_string={"q": query}).status_code in {200, 414}
    assert len(MANUAL.search(query)) <= MAX_FOUND


def test_help_is_public_and_can_be_disabled(make_client: MakeClient) -> None:
    client = make_client(AUTH_REQUIRED="true", AUTH_API_SECRET="a-secret-of-the-tests")
    assert [client.get(path).status_code for path in ("/help", "/help/settings", "/help/files/help.css")] == [200] * 3

    off = make_client(HELP_ENABLED="false")
    assert [off.get(path).status_code for path in ("/help", "/help/settings", "/help/files/help.css")] == [404] * 3


def test_known_etag_of_a_page_returns_304(client: FlaskClient) -> None:
    tag = client.get("/help/settings").headers["ETag"]
    assert client.get("/help/settings", headers={"If-None-Match": tag}).status_code == 304


def test_app_loads_no_markdown_before_the_first_page() -> None:
    command = "import sys; from app import create_app; create_app(); sys.exit('markdown_it' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=False).returncode == 0


def test_manual_without_its_folder_has_no_pages(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Sayna\n")
    assert Manual(tmp_path).files == {"readme": "README.md"}

"""GET /studio and its files: safe to open, cheap to open again, gone when switched off."""

import re

import pytest

from sayna.blueprints.studio import FILES
from tests.blueprints.conftest import MakeClient

FROM_ELSEWHERE = re.compile(
    r"""(?:src|href|action)=["'](?:[a-z]+:|//|/)|\burl\(|@import|^import .* from "(?!\./)""", re.M
)
INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|innerHTML|outerHTML|eval\("""
)
PATHS = ["/studio", *(f"/studio/{name}" for name in sorted(FILES) if name != "index.html")]


@pytest.mark.parametrize("path", PATHS)
def test_every_file_comes_with_a_strict_policy_and_its_own_type(make_client: MakeClient, path: str) -> None:
    answer = make_client(AUTH_REQUIRED="true", AUTH_API_SECRET="a-secret-of-the-tests").get(path)

    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "/studio": "text/html"}
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{kinds[path.rpartition('.')[2]]}; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "media-src 'self' blob:; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_has_a_file_does_not_get_it_again(make_client: MakeClient, path: str) -> None:
    client = make_client()
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_file_names_another_place_or_brings_its_own_code(name: str) -> None:
    text = FILES[name].decode()

    assert not FROM_ELSEWHERE.findall(text)
    assert not INLINE.findall(text)


def test_every_file_that_is_named_is_there_and_every_file_is_named() -> None:
    named = set(re.findall(r'"studio/([a-z.]+)"', FILES["index.html"].decode()))
    for name in FILES:
        named |= set(re.findall(r'from "\./([a-z]+\.js)"', FILES[name].decode()))

    assert named == set(FILES) - {"index.html"}


@pytest.mark.parametrize(
    "path", ["/studio/", "/studio/index.html", "/studio/..", "/studio/%2e%2e%2fdocs", "/studio/x.js"]
)
def test_nothing_else_is_below_it(make_client: MakeClient, path: str) -> None:
    answer = make_client().get(path)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", PATHS)
def test_it_is_gone_when_switched_off(make_client: MakeClient, path: str) -> None:
    assert make_client(STUDIO_ENABLED="false").get(path).status_code == 404

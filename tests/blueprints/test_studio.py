"""GET /studio and its files: safe to open, cheap to open again, gone when switched off."""

import json
import re

import pytest

from sayna.blueprints.pages import STUDIO
from sayna.providers import PROVIDERS
from tests.blueprints.conftest import MakeClient

FILES = STUDIO.files
# Libraries of others, with their licences in licences.txt.
LIBRARIES = {"fflate.js", "papaparse.js", "licences.txt"}
FROM_ELSEWHERE = re.compile(
    r"""(?:src|href|action)=["'](?:[a-z]+:|//|/)|\burl\(|@import|^import .* from "(?!\./)""", re.M
)
INLINE = re.compile(r"""<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|innerHTML|outerHTML|eval\(""")
PATHS = ["/studio", *(f"/studio/{name}" for name in sorted(FILES) if name != "index.html")]


@pytest.mark.parametrize("path", PATHS)
def test_every_file_has_a_strict_policy_and_its_type(make_client: MakeClient, path: str) -> None:
    answer = make_client(AUTH_REQUIRED="true", AUTH_API_SECRET="a-secret-of-the-tests").get(path)

    kinds = {
        "js": "text/javascript",
        "json": "application/json",
        "css": "text/css",
        "svg": "image/svg+xml",
        "txt": "text/plain",
        "/studio": "text/html",
    }
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
def test_known_etag_returns_304_for_every_file(make_client: MakeClient, path: str) -> None:
    client = make_client()
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", sorted(FILES.keys() - LIBRARIES))
def test_files_have_no_other_origin_and_no_inline_code(name: str) -> None:
    text = FILES[name].decode()

    assert not FROM_ELSEWHERE.findall(text)
    assert not INLINE.findall(text)


def test_files_and_references_to_them_are_the_same() -> None:
    named: set[str] = set()
    for name in FILES.keys() - LIBRARIES:
        named |= set(re.findall(r'(?:from "\./|"studio/)([a-z.]+)"', FILES[name].decode()))

    assert named == set(FILES) - {"index.html"}


@pytest.mark.parametrize(
    "path", ["/studio/", "/studio/index.html", "/studio/..", "/studio/%2e%2e%2fdocs", "/studio/x.js"]
)
def test_other_paths_below_studio_return_404(make_client: MakeClient, path: str) -> None:
    answer = make_client().get(path)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", PATHS)
def test_studio_returns_404_when_disabled(make_client: MakeClient, path: str) -> None:
    assert make_client(STUDIO_ENABLED="false").get(path).status_code == 404


def colours() -> dict[str, dict[str, str]]:
    """Return the colours of the page by name, in the light and in the dark."""
    blocks = re.findall(r":root \{(.*?)\}", FILES["studio.css"].decode(), re.S)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """Return relative luminance as WCAG 2 defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [
    *[("ink", ground, 4.5) for ground in ("page", "panel", "sunken", "tint")],
    *[("soft", ground, 4.5) for ground in ("page", "panel", "sunken", "tint")],
    *[("accent", ground, 4.5) for ground in ("panel", "tint")],
    ("on-accent", "accent", 4.5),
    ("good", "panel", 4.5),
    ("bad", "panel", 4.5),
    *[("edge", ground, 3) for ground in ("panel", "sunken")],
]


@pytest.mark.parametrize("taste", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_text_has_enough_contrast(taste: str, front: str, ground: str, least: float) -> None:
    one, other = sorted(luminance(colours()[taste][name]) for name in (front, ground))

    assert (other + 0.05) / (one + 0.05) >= least


def test_vendors_have_the_settings_that_their_forms_show() -> None:
    vendors = json.loads(FILES["vendors.json"])

    assert set(vendors) == set(PROVIDERS)
    assert vendors["espeak"]["local"] and not vendors["deepgram"]["local"]
    assert vendors["espeak"]["settings"]["pitch"] == {"kind": "int", "low": 0, "high": 99, "choices": []}

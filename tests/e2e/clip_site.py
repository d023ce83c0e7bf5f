"""Sayna behind the shipped nginx with clip URLs that tests sign themselves."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.blueprints.clips import SECRETS, VOICE, path_of
from tests.e2e.conftest import Site, start_site
from tests.programs import needs

SETTINGS = {"CLIP_SECRETS_JSON": SECRETS, "SAY_ENABLED": "true", "DEFAULT_TTS_PROVIDER": "espeak"}


@dataclass(frozen=True, slots=True)
class ClipSite(Site):
    """A site, and the URLs of its clips."""

    @property
    def reached(self) -> set[str]:
        """The ids of the requests that Sayna has logged; it logs a clip once the last byte of it is sent."""
        return {line["request_id"] for line in self.gunicorn.records if line["event"] == "request"}

    def url(self, path: str) -> str:
        """Return the URL of a path through nginx."""
        return f"http://127.0.0.1:{self.public.port}{path}"

    def clip(self, text: str, ext: str = "wav", **fields: object) -> str:
        """Return the URL of a clip of the embedded engine, through nginx."""
        return self.url(path_of({"t": text, **VOICE, **fields}, ext))

    def paid(self, text: str, ext: str = "sln24", **fields: object) -> str:
        """Return the path of a clip of the vendor, which speaks at 24 kHz only."""
        return path_of({"t": text, "p": "deepgram", "v": "aura-2-thalia-en", **fields}, ext)


@contextmanager
def clip_site(folder: Path) -> Iterator[ClipSite]:
    """Start a site; its vendor answers at once and fails the test when it is asked wrongly."""
    folder.mkdir(exist_ok=True)
    with start_site(folder, **SETTINGS) as site:
        yield ClipSite(site.direct, site.public, site.gunicorn, site.nginx, site.vendor)


def run(*argv: str, how_to_get: str) -> subprocess.CompletedProcess[bytes]:
    """Return what a program of the machine did; skip the test where it is missing."""
    program = needs(argv[0], f"{how_to_get}")
    return subprocess.run([program, *argv[1:]], capture_output=True, timeout=60, check=False)

"""What `scripts/run` prints: the pages that the server has."""

from sayna.config import load_config
from sayna.server.welcome import welcome
from sayna.services import build

PAGES = {"STUDIO_ENABLED": "/studio", "API_DOCS_ENABLED": "/docs", "HELP_ENABLED": "/help"}


def test_welcome_names_the_pages_that_are_on() -> None:
    for off in ("", *PAGES):
        services = build(load_config({"PORT": "4001", **({off: "false"} if off else {})}))
        told = welcome(services)
        services.close()

        for name, path in PAGES.items():
            assert (f"http://localhost:4001{path}\n" in told) == (name != off)

"""What `scripts/run` prints once the server listens."""

from collections.abc import Iterator

from sayna import __version__
from sayna.services import Services


def welcome(services: Services) -> str:
    """Return the addresses of the pages, what is configured, and a command that saves speech."""
    server = services.config.server
    address, options = _reached_at(server.bind)
    lines = [f"Sayna {__version__} listens on {server.bind}.", ""]
    lines += [f"  {name:<10} {text}" for name, text in _facts(services, address, options)]
    if keys := services.exposed_keys():
        lines += [
            "",
            f"WARNING: each client that reaches {server.bind} can use your key of {', '.join(keys)}.",
            "Set AUTH_REQUIRED=true and AUTH_API_SECRET, or HOST=127.0.0.1.",
        ]
    header = " -H 'Authorization: Bearer <secret>'" if services.config.auth.required else ""
    lines += [
        "",
        "From another terminal, this saves speech to hello.wav:",
        "",
        f"  curl -s {options}{address}/speak -H 'Content-Type: application/json' -H 'Accept: audio/wav'{header}"
        """ -d '{"text":"Hello from Sayna"}' -o hello.wav""",
        "",
        "Ctrl-C stops Sayna.",
    ]
    return "\n".join(lines)


def _facts(services: Services, address: str, options: str) -> Iterator[tuple[str, str]]:
    config = services.config
    # No browser opens a unix socket.
    if not options:
        if config.docs.studio_enabled:
            yield "studio", f"http://{address}/studio"
        if config.docs.api_docs_enabled:
            yield "API", f"http://{address}/docs"
        if config.docs.help_enabled:
            yield "help", f"http://{address}/help"
    yield "providers", ", ".join(slug for slug, each in services.providers.items() if each.configured) or "none"
    tenants = sorted({each.id for each in config.auth.secrets})
    if not config.auth.required:
        yield "auth", "off"
    else:
        yield "auth", f"on, for {', '.join(tenants)}" if tenants else "on, by the auth service"
    yield "cache", str(config.cache.path or "in memory, one for each worker")


def _reached_at(bind: str) -> tuple[str, str]:
    """Return the address for a client on this machine, and what curl needs before it."""
    host, _, port = bind.rpartition(":")
    if bind.startswith(("unix:", "fd:")):
        return "localhost", f"--unix-socket {bind.removeprefix('unix:')} " if bind.startswith("unix:") else ""
    return f"localhost:{port}" if host in ("0.0.0.0", "[::]") else bind, ""  # noqa: S104 - it is compared

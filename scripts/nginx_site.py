"""Writes deploy/nginx-site.conf, a site for an nginx that has others, from deploy/nginx.conf, a whole configuration."""

import re
from collections.abc import Iterator
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
SITE = DEPLOY / "nginx-site.conf"
# These stand beside the server; all others go into it, because the nginx.conf of the machine may have its own.
OUTSIDE = ("log_format", "map", "limit_conn_zone", "limit_req_zone", "proxy_cache_path", "upstream")
HEAD = """\
# Sayna as one site of an nginx that serves others too: the machine's own nginx.conf stays as it is.
#
#   ln -s /opt/sayna/current/deploy/nginx-site.conf /etc/nginx/sites-enabled/sayna && nginx -t && systemctl reload nginx
#
# Written by `python scripts/nginx_site.py` from deploy/nginx.conf: change that file. Copy this one to set a server_name
# or TLS. worker_connections of the machine's nginx.conf should be 4096 or more.
"""


def statements(block: str) -> Iterator[str]:
    """Yield each statement of a block with the comments before it."""
    begun: list[str] = []
    depth = 0
    for line in block.splitlines():
        if not line.strip() and not depth:
            # A comment that stands alone is about nothing that follows.
            if not begun or all(each.lstrip().startswith("#") for each in begun):
                begun = []
            continue
        begun.append(line)
        code = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", line)
        depth += code.count("{") - code.count("}")
        if not depth and code.rstrip().endswith((";", "}")):
            yield "\n".join(begun)
            begun = []


def word(statement: str) -> str:
    """Return the directive of a statement."""
    return next(line for line in statement.splitlines() if not line.lstrip().startswith("#")).split()[0]


def dedent(text: str) -> str:
    """Return the text one level further out."""
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def site(whole: str) -> str:
    """Return the site of a whole configuration."""
    block = whole.partition("\nhttp {\n")[2].rpartition("\n}")[0]
    found = list(statements(block))
    [server] = [each for each in found if word(each) == "server"]
    beside = [dedent(each) for each in found if word(each) in OUTSIDE]
    within = [each for each in found if word(each) not in (*OUTSIDE, "server", "include")]
    head, _, rest = dedent(server).partition("{\n")
    rest = rest.replace("listen 80 default_server;", "listen 80;", 1).replace(
        "server_name _;", "server_name speech.example.com; # yours", 1
    )
    return "\n\n".join([HEAD + "\n" + beside[0], *beside[1:], f"{head}{{\n" + "\n".join(within) + "\n\n" + rest]) + "\n"


if __name__ == "__main__":
    SITE.write_text(site((DEPLOY / "nginx.conf").read_text("utf-8")), "utf-8")

"""Write docs/errors.md, the table of every error code, from the error classes: `python scripts/errors_page.py`."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sayna  # noqa: E402
from sayna.blueprints.errors import FRAMEWORK  # noqa: E402
from sayna.errors import SaynaError  # noqa: E402
from sayna.openapi.error_responses import error_examples  # noqa: E402

PAGE = ROOT / "docs" / "errors.md"
# Packages without an error class; the last two need libraries that not every machine has.
SKIPPED = ("sayna.server", "sayna.state.redis", "sayna.engines")
# In the log only: the client is gone.
UNSEEN = {"CALLER_GONE"}
# A retry may call the same phone twice, unless the Idempotency-Key of the request comes again.
CALLS = {"CALL_FAILED", "TRANSFER_FAILED"}
# States that pass by themselves.
PASSING = {"BUSY", "NO_ANSWER", "CALL_NOT_ANSWERED", "RECORDING_ACTIVE"}
SETTINGS = ("NOT_CONFIGURED", "REJECTED_CREDENTIALS")
GROUPS = {
    400: "The request is wrong",
    401: "The token is missing or wrong",
    403: "Not allowed",
    404: "Not found, or not yours",
    405: "Wrong state, wrong method, or too large",
    422: "The phone, or a key that was used before",
    429: "Too much at once",
    500: "A dependency or the server failed",
    502: "A dependency or the server is not ready",
}
INTRODUCTION = """\
# Errors

Written by `python scripts/errors_page.py` from the error classes; change the classes, not this page.

Every error is JSON: `error` is a sentence for a person, `code` is for a program, `request_id` finds the request in the
log of the server. For a wrong token `error` is one word, and `message` has the sentence. The endpoints for existing
clients answer in the shape of their own world ([clients.md](clients.md)); `/clip` and `/say` answer with plain text.

*Send again?* says whether the same request may succeed later. Wait as long as `Retry-After` says, where it is sent.
[troubleshooting.md](troubleshooting.md) begins with what you see instead.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """Return the page: one table a group of statuses, a row for each pair of status and code."""
    lines = INTRODUCTION.splitlines()
    rows = sorted(sentences().items())
    starts = [*GROUPS, 600]
    for start, end in pairwise(starts):
        lines += ["", f"## {GROUPS[start]}", "", "| status | code | meaning | send again? |", "|---|---|---|---|"]
        lines += [
            f"| {status} | `{code}` | {escaped(sentence)} | {retry(status, code)} |"
            for (status, code), sentence in rows
            if start <= status < end
        ]
    return "\n".join(lines) + "\n"


def sentences() -> dict[tuple[int, str], str]:
    """Return the meaning of each status and code that a client can receive."""
    found = {(status, code): sentence for status, (code, sentence) in FRAMEWORK.items()}
    for error in error_classes():
        # A class that takes code and status from its parent is a case of the parent.
        if error is SaynaError or {"code", "status", "auth_code"} & vars(error).keys():
            for example in error_examples(error):
                found[example.status, example.code] = example.sentence
    return {key: sentence for key, sentence in found.items() if key[1] not in UNSEEN}


def error_classes() -> Iterator[type[SaynaError]]:
    """Yield every error class of the tree, parents first."""
    for module in pkgutil.walk_packages(sayna.__path__, "sayna."):
        if not module.name.startswith(SKIPPED) and "__main__" not in module.name:
            importlib.import_module(module.name)
    waiting: list[type[SaynaError]] = [SaynaError]
    while waiting:
        error = waiting.pop(0)
        yield error
        waiting += [each for each in error.__subclasses__() if each.__module__.startswith("sayna.")]


def escaped(sentence: str) -> str:
    """Return the sentence as the text of a cell of Markdown."""
    return sentence.replace("|", "/").replace("<", "\\<")


def retry(status: int, code: str) -> str:
    """Return whether to send the same request again, in a few words."""
    if code in CALLS:
        return "only with the same `Idempotency-Key`"
    if code in PASSING:
        return "yes, later"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return "yes, after `Retry-After`"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and code != "NOT_CACHED":
        return "no: the operator has to change a setting" if code.endswith(SETTINGS) else "yes, later"
    return "no: change the request"


if __name__ == "__main__":
    main()

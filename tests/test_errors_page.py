"""docs/errors.md lists every code that a client can receive."""

import importlib.util
from pathlib import Path

from sayna.errors import Overloaded, SaynaError

ROOT = Path(__file__).resolve().parents[1]
SPEC = importlib.util.spec_from_file_location("errors_page", ROOT / "scripts" / "errors_page.py")
assert SPEC is not None
assert SPEC.loader is not None
errors_page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(errors_page)
PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")


def test_page_is_as_the_classes_say() -> None:
    assert errors_page.page() == PAGE, "run: python scripts/errors_page.py"


def test_page_has_a_row_for_every_code() -> None:
    codes = {error.code for error in errors_page.error_classes()} - errors_page.UNSEEN
    assert {code for code in codes if f"| `{code}` |" not in PAGE} == set()
    assert len(codes) > 50


def test_page_says_whether_to_send_again() -> None:
    assert errors_page.retry(Overloaded.status, Overloaded.code) == "yes, after `Retry-After`"
    assert errors_page.retry(SaynaError.status, SaynaError.code) == "yes, later"
    assert errors_page.retry(400, "EMPTY_TEXT") == "no: change the request"
    assert "Idempotency-Key" in errors_page.retry(500, "CALL_FAILED")

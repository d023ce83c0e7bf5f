"""docs/troubleshooting.md quotes sentences that Sayna prints."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
PLACEHOLDER = re.compile(r"<[^<>`]*>")


def printed() -> str:
    """Return the text constants of the code; what is filled in at run time is a line break."""
    found = []
    for path in sorted((ROOT / "sayna").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(str(each.value) if isinstance(each, ast.Constant) else "\n" for each in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%\w|{[^{}]*}", "\n", node.value))
    return "\n\n".join(found)


def quotes() -> list[str]:
    """Return the quoted sentences: the first cells that are nothing but code."""
    return re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)


def test_every_quoted_sentence_is_one_that_sayna_prints() -> None:
    texts = printed()

    assert [quote for quote in quotes() if PLACEHOLDER.sub("\n", quote).strip(" .") not in texts] == []
    assert len(quotes()) > 25

"""Measure sayna/ against the budgets of docs/architecture.md; end with 1 when one is exceeded."""

import ast
import re
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
# Percent of the sentences that may have one of the words below.
MAX_HARD_SENTENCES = 1.0
# Over the budget of the design, which is 22,000 (docs/architecture.md says why), with room for one more vendor.
MAX_LINES = 31_400
# The layers of one endpoint are named after it.
MAX_SHARED_BASENAMES = 40
HARD = re.compile(
    r"\b(whoever|whomever|nobody|somebody|anybody|everybody|of one's|one's own|amid|lest|thereby|unheard"
    r"|what(?:ever)? (?:it|they|he|she|comes|came|is there|there is)|(?:is|are|was) told|is heard|hears?"
    r"|in the reference|the reference's|of ours|of theirs|is none of|no such|than any|to be had)\b"
    r"|^(?:Else|Or|Nor|So|For|But|Also)\b[ ,]",
    re.IGNORECASE,
)
LONG = 30  # characters: a shorter constant is a name, not a sentence


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and text of every comment, docstring and sentence for people."""
    comment: list[tuple[int, str]] = []
    with path.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "#!", "# type:", "# fmt")):
                comment.append((token.start[0], token.string.lstrip("# ")))
            elif token.type not in SKIPPED and comment:
                yield comment[0][0], " ".join(text for _, text in comment)
                comment = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_sentence(node.value):
            yield node.lineno, node.value


def _is_sentence(text: str) -> bool:
    return " " in text and len(text) > LONG


def spans(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of every function, and where it is."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.lineno}"


def classes(path: Path) -> Iterator[str]:
    """Yield the names of the classes of a module but for private ones."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def repeated(names: Iterable[str]) -> list[str]:
    """Return every occurrence of the names that occur twice or more."""
    counts = Counter(names)
    return [name for name, number in sorted(counts.items()) for _ in range(number) if number > 1]


def problems(files: list[Path]) -> Iterator[str]:
    """Yield one sentence for each budget that is exceeded, and print the figures."""
    lines = {path: path.read_text("utf-8").splitlines() for path in files}
    sizes = sorted((len(text), str(path)) for path, text in lines.items() if text)
    functions = sorted(span for path in files for span in spans(path))
    everything = [line for text in lines.values() for line in text]
    marked = [(path, line, HARD.search(text)) for path in files for line, text in sentences(path)]
    hard = [f"{path}:{line} [{found.group().strip()}]" for path, line, found in marked if found]
    lengths = [span for span, _ in functions]
    twins = repeated(name for path in files for name in classes(path))
    namesakes = repeated(path.name for path in files if path.stem != "__init__")
    budgets: tuple[tuple[str, float, float, list[str]], ...] = (
        ("lines in all", len(everything), MAX_LINES, []),
        ("lines of the median file", statistics.median(size for size, _ in sizes), 90, []),
        ("lines of the longest file", sizes[-1][0], 250, [path for size, path in sizes if size > 250]),  # noqa: PLR2004
        ("lines of the median function", statistics.median(lengths), 8, []),
        ("lines of nine functions in ten", lengths[len(lengths) * 9 // 10], 20, []),
        ("lines of the longest function", lengths[-1], 40, [where for span, where in functions if span > 40]),  # noqa: PLR2004
        ("classes that share a name", len(twins), 0, twins),
        ("modules that share a name", len(namesakes), MAX_SHARED_BASENAMES, []),
        ("percent of comment lines", _share(everything, "#"), 8, []),
        ("percent of hard sentences", 100 * len(hard) / len(marked), MAX_HARD_SENTENCES, hard),
    )
    for name, figure, limit, places in budgets:
        print(f"{figure:8.1f} {name} (at most {limit:g})")
        if figure > limit:
            yield f"too many {name}: {figure:.1f}, at most {limit:g} {' '.join(places[:20])}"


def _share(lines: list[str], prefix: str) -> float:
    return 100 * sum(line.lstrip().startswith(prefix) for line in lines) / len(lines)


if __name__ == "__main__":
    found = list(problems(sorted((ROOT / "sayna").rglob("*.py"))))
    print(*found, sep="\n")
    sys.exit(1 if found else 0)

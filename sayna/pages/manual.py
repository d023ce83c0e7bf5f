"""The pages of docs/ as HTML, with links between them, and a search over their sections."""

import posixpath
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = "docs"
INDEX = "docs/README.md"
# Pages of the top folder, to which the pages of docs/ have links.
TOP = {"README.md": "readme", "CHANGELOG.md": "changelog", "SECURITY.md": "vulnerabilities"}
MAX_QUERY = 100  # characters
MAX_FOUND = 30
EXCERPT = 90  # characters before and after a hit
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
WORD = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class ManualSection:
    """The text below one heading of a page; `name` and `anchor` make its link."""

    name: str
    page: str
    heading: str
    anchor: str
    text: str


class Manual:
    """The Markdown files below `root`; a file is read when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        self._pages: dict[str, str] = {}

    @cached_property
    def files(self) -> dict[str, str]:
        """The file of each page by the page's name, which is the end of its URL; the index has an empty name."""
        docs = sorted(path.relative_to(self._root).as_posix() for path in (self._root / FOLDER).rglob("*.md"))
        names = {path.removeprefix(f"{FOLDER}/").removesuffix(".md"): path for path in docs if path != INDEX}
        known = {"": INDEX, **names, **{name: path for path, name in TOP.items()}}
        # A part of the project, copied elsewhere, may lack some.
        return {name: path for name, path in known.items() if (self._root / path).is_file()}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {file: name for name, file in self.files.items()}

    @cached_property
    def titles(self) -> dict[str, str]:
        """The first heading of each page by the page's name, in the order of the titles."""
        titles = {name: TITLE.findall(self._text(name))[0] for name in self.files}
        return dict(sorted(titles.items(), key=lambda item: item[1].casefold()))

    @cached_property
    def sections(self) -> Sequence[ManualSection]:
        """The sections of all pages."""
        return tuple(section for name in self.files for section in self._sections(name))

    def page(self, name: str) -> str:
        """Return the page as HTML; raises KeyError when no page has this name."""
        if name not in self._pages:
            tokens = self._markdown.parse(self._text(name))
            self._connect(name, tokens)
            self._pages[name] = self._markdown.renderer.render(tokens, self._markdown.options, {})
        return self._pages[name]

    def link(self, name: str, target: str) -> str:
        """Return the relative link from page `name` to page `target`, right under every prefix of a proxy."""
        here, there = (f"/help/{page}".rstrip("/") for page in (name, target))
        folder = posixpath.relpath(posixpath.dirname(there), posixpath.dirname(here))
        return posixpath.join(folder, posixpath.basename(there))

    def search(self, query: str) -> list[tuple[ManualSection, str]]:
        """Return the sections that have every word of the query, the best first, each with an excerpt as HTML."""
        words = list(dict.fromkeys(WORD.findall(_folded(query[:MAX_QUERY]))))
        if not words:
            return []
        hits = [(_score(section, words), section) for section in self.sections]
        best = sorted((hit for hit in hits if hit[0]), key=lambda hit: -hit[0])[:MAX_FOUND]
        return [(section, _excerpt(section.text, words)) for _, section in best]

    def _text(self, name: str) -> str:
        return (self._root / self.files[name]).read_text("utf-8")

    def _sections(self, name: str) -> Iterator[ManualSection]:
        tokens = self._markdown.parse(self._text(name))
        anchors = iter(_anchors(tokens))
        title = heading = self.titles[name]
        anchor = ""
        texts: list[str] = []
        for token in tokens:
            if token.type == "heading_open":
                if texts:
                    yield ManualSection(name, title, heading, anchor, " ".join(texts))
                anchor, texts, heading = next(anchors), [], ""
            elif token.type in ("inline", "fence", "code_block"):
                heading = heading or _plain(token)
                texts.append(_plain(token))
        yield ManualSection(name, title, heading, anchor, " ".join(texts))

    def _connect(self, name: str, tokens: list[Token]) -> None:
        """Give the headings their anchors, and let the links lead to the pages of this server."""
        headings = (token for token in tokens if token.type == "heading_open")
        for token, anchor in zip(headings, _anchors(tokens), strict=True):
            token.attrSet("id", anchor)
        children = [child for token in tokens if token.type == "inline" for child in token.children or ()]
        opened = [child for child in children if child.type == "link_open"]
        for link, end in zip(opened, (child for child in children if child.type == "link_close"), strict=True):
            self._connect_link(name, link)
            end.tag = link.tag

    def _connect_link(self, name: str, link: Token) -> None:
        path, hash_sign, anchor = str(link.attrGet("href")).partition("#")
        if "://" in path:
            link.attrSet("rel", "noreferrer")
            return
        file = posixpath.normpath(posixpath.join(posixpath.dirname(self.files[name]), path)) if path else ""
        if file in self._names:
            link.attrSet("href", self.link(name, self._names[file]) + hash_sign + anchor)
        elif path:
            # A file of the source, which this server does not show.
            link.tag, link.attrs = "span", {}


def _plain(token: Token) -> str:
    if not token.children:
        return token.content
    return "".join(" " if "break" in child.type else child.content for child in token.children)


def _anchors(tokens: list[Token]) -> Iterator[str]:
    """Yield the anchors that GitHub gives to the headings, so that a link works there and here."""
    seen: dict[str, int] = {}
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            anchor = re.sub(r"[^\w\- ]", "", _plain(token).lower()).replace(" ", "-")
            count = seen[anchor] = seen.get(anchor, -1) + 1
            yield f"{anchor}-{count}" if count else anchor


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _score(section: ManualSection, words: list[str]) -> int:
    """Return how well the section fits: 0 when a word is missing; a word of a heading counts most."""
    heading, page, text = (_folded(part) for part in (section.heading, section.page, section.text))
    scores = [10 * (word in heading) + 3 * (word in page) + (word in text) for word in words]
    return sum(scores) if all(scores) else 0


def _excerpt(text: str, words: list[str]) -> str:
    """Return the text around the first hit as HTML, with the words marked."""
    pattern = re.compile(f"({'|'.join(map(re.escape, words))})", re.IGNORECASE)
    hit = pattern.search(text)
    begin = max(0, hit.start() - EXCERPT) if hit else 0
    pieces = pattern.split(text[begin : begin + 2 * EXCERPT])
    # Every second piece is a word.
    pieces[1::2] = [f"<mark>{escape(word)}</mark>" for word in pieces[1::2]]
    pieces[::2] = map(escape, pieces[::2])
    return "".join(pieces)

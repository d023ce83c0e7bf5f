"""The text of SSML and MaryXML documents: every element is unwrapped, none is refused."""

import html
import re

from sayna.errors import InvalidRequest

# Possessive, so that a tag which does not end costs one pass over the text.
_TAG = re.compile(r"""</?([A-Za-z_][^\s<>/"']*+)(?:[^<>"']|"[^"]*+"|'[^']*+')*+>""")
# XML's own five and numbers. A document cannot declare others, because DOCTYPE is refused.
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
# Neither a lone sign nor a name of HTML is XML, but people write both.
_LOOSE = re.compile(rf"(?!{_ENTITY.pattern})&([A-Za-z][A-Za-z0-9]{{1,30}};)?")
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# What stands between a beginning and an end, and whether it is text.
_SPANS = (("<!--", "-->", False), ("<![CDATA[", "]]>", True), ("<?", "?>", False))
# Elements between which the voice pauses; other tags may stand inside a word.
BLOCKS = frozenset(
    ["speak", "maryxml", "p", "s", "paragraph", "sentence", "break", "boundary", "voice", "audio", "div"]
)


def with_xml_entities(document: str) -> str:
    """Return a document in which & and HTML's entities are written as XML has them; one with CDATA stays as it is."""
    if "<![CDATA[" in document:
        return document
    return _LOOSE.sub(lambda entity: html.escape(html.unescape(entity[0]), quote=False), document)


def unwrapped_markup(document: str) -> str:
    """Return the text of a document on one line; raises InvalidRequest for DOCTYPE and for a tag without an end."""
    if _DECLARATION.search(document):
        raise InvalidRequest("the document has a DOCTYPE, which is not allowed; send it without")
    parts: list[str] = []
    at = 0
    while (begin := document.find("<", at)) >= 0:
        parts.append(_unescaped(document[at:begin]))
        text, at = _markup(document, begin)
        parts.append(text)
    parts.append(_unescaped(document[at:]))
    return " ".join("".join(parts).split())


def _markup(document: str, begin: int) -> tuple[str, int]:
    """Return the text that a piece of markup stands for, and the place behind it."""
    for opening, closing, is_text in _SPANS:
        if document.startswith(opening, begin):
            end = document.find(closing, begin + len(opening))
            if end < 0:
                raise InvalidRequest(f"the document has {opening} without {closing}")
            return document[begin + len(opening) : end] if is_text else "", end + len(closing)
    if tag := _TAG.match(document, begin):
        name = tag[1].rpartition(":")[2].lower()
        return " " if name in BLOCKS else "", tag.end()
    if document[begin + 1 : begin + 2].isspace():
        # A lone sign, as people write it in plain text.
        return "<", begin + 1
    raise InvalidRequest("the document has < that begins no tag with an end; send &lt; for the sign itself")


def _unescaped(text: str) -> str:
    # html.unescape gives U+FFFD for NUL and surrogates.
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)

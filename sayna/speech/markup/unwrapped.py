"""The text of SSML and MaryXML documents: every element is unwrapped, none is refused."""

import html
import re

from sayna.errors import InvalidRequest

# XML's own five and numbers. A document cannot declare others, because DOCTYPE is refused.
_ENTITY = "&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
# Neither a lone sign nor a name of HTML is XML, but people write both.
_LOOSE = re.compile(rf"(?!{_ENTITY})&([A-Za-z][A-Za-z0-9]{{1,30}};)?")
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# Possessive, so that a tag which does not end costs one pass over the text. A sign is one of plain text.
_MARKUP = re.compile(
    rf"(?P<entity>{_ENTITY})"
    r"|<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?P<data>.*?)\]\]>"
    r"""|</?(?P<name>[A-Za-z_][^\s<>/"']*+)(?:[^<>"']|"[^"]*+"|'[^']*+')*+>"""
    r"|(?P<sign><(?=\s))|<",
    re.DOTALL,
)
_CLOSINGS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
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
    return " ".join(_MARKUP.sub(_text_of, document).split())


def _text_of(found: re.Match[str]) -> str:
    if found["entity"]:
        # html.unescape gives U+FFFD for NUL and surrogates.
        return html.unescape(found["entity"])
    if found["name"]:
        return " " if found["name"].rpartition(":")[2].lower() in BLOCKS else ""
    if found[0] == "<" and not found["sign"]:
        for opening, closing in _CLOSINGS.items():
            if found.string.startswith(opening, found.start()):
                raise InvalidRequest(f"the document has {opening} without {closing}")
        raise InvalidRequest("the document has < that begins no tag with an end; send &lt; for the sign itself")
    return found["data"] or found["sign"] or ""

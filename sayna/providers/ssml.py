"""Building SSML: a tree whose text and attributes the library escapes."""

import re
from functools import cache


def nested(*elements: tuple[str, dict[str, str]], text: str) -> bytes:
    """Return a document, in UTF-8, of elements each within the one before, and the text in the innermost."""
    from xml.etree import ElementTree as Tree  # noqa: PLC0415 - only some vendors ever need it

    (name, attributes), *inner = elements
    root = innermost = Tree.Element(name, attributes)
    for name, attributes in inner:
        innermost = Tree.SubElement(innermost, name, attributes)
    # ElementTree writes characters that XML does not allow unchanged; the vendor would answer 400.
    innermost.text = _illegal().sub("", text)
    return Tree.tostring(root, encoding="unicode").encode()


@cache
def _illegal() -> re.Pattern[str]:
    """Return the pattern of the characters that XML 1.0 does not allow: https://www.w3.org/TR/xml/#charsets.

    Lone surrogates have no UTF-8 either. Compiled when it is needed: ranges this wide take 2 ms.
    """
    return re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

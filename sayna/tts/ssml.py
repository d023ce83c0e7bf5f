"""Building SSML: a tree whose text and attributes the library escapes."""

import re
from xml.etree import ElementTree as Tree

# All that XML 1.0 allows: https://www.w3.org/TR/xml/#charsets; lone surrogates have no UTF-8 either.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def nested(*elements: tuple[str, dict[str, str]], text: str) -> bytes:
    """Return a document, in UTF-8, of elements each within the one before, and the text in the innermost."""
    (name, attributes), *inner = elements
    root = innermost = Tree.Element(name, attributes)
    for name, attributes in inner:
        innermost = Tree.SubElement(innermost, name, attributes)
    # ElementTree escapes what XML can say, and writes what it cannot as it is: the vendor then answers 400.
    innermost.text = _ILLEGAL.sub("", text)
    return Tree.tostring(root, encoding="unicode").encode()

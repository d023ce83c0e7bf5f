"""Building SSML: a tree whose text and attributes the library escapes."""


def nested(*elements: tuple[str, dict[str, str]], text: str) -> bytes:
    """Return a document, in UTF-8, of elements each within the one before, and the text in the innermost."""
    from xml.etree import ElementTree as Tree  # noqa: PLC0415 - only some vendors ever need it

    (name, attributes), *inner = elements
    root = innermost = Tree.Element(name, attributes)
    for name, attributes in inner:
        innermost = Tree.SubElement(innermost, name, attributes)
    # Characters that XML 1.0 does not allow are in no text of a plan (sayna.speech.text.clean).
    innermost.text = text
    return Tree.tostring(root, encoding="unicode").encode()

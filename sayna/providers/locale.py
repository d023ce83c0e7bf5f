"""The language at the beginning of a voice's name, as Google and Azure put it there."""

import re

# Three digits are a region too, as in es-419; a script comes before it, as in sr-Latn-RS.
_LEADING = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4})(?=-))?(?:-(?P<region>[a-z]{2}|[0-9]{3})(?=-))?-.+",
    re.IGNORECASE,
)


def leading_tag(voice: str) -> str:
    """Return the BCP 47 tag at the beginning of a name such as sr-Latn-RS-NicholasNeural, else "".

    A language alone does not count: `my-voice` is not Burmese.
    """
    found = _LEADING.fullmatch(voice)
    if not found or not (found["script"] or found["region"]):
        return ""
    parts = (found["language"].lower(), (found["script"] or "").title(), (found["region"] or "").upper())
    return "-".join(filter(None, parts))

"""SSML compiled to texts and silences, the same for every provider (contract 14)."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from sayna.speech.markup.unwrapped import BLOCKS, unwrapped_markup, with_xml_entities
from sayna.speech.markup.values import SAY_AS, UnsupportedMarkup, break_ms, speaking_rate

MAX_DEPTH = 16
MAX_SILENCE_MS = 60_000
KNOWN = (
    "<break time|strength>, <p>, <s>, <sub alias>, <say-as interpret-as> and <prosody rate> around the whole, "
    "inside <speak>"
)
_BLANKS = re.compile(r"\s+")
_OF_ROOT = re.compile("version|xmlns(:.*)?|xml:lang|xsi:schemaLocation", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, or a silence in milliseconds; `is_fixed` text is spoken as it stands, without pronunciations."""

    text: str = ""
    is_fixed: bool = False
    silence_ms: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """A document in the order of its speech; `rate` multiplies the speaking rate."""

    pieces: tuple[Piece, ...]
    rate: float = 1.0


def compiled(document: str) -> Script:
    """Return the script of a `<speak>` document; raises UnsupportedMarkup, which names what is supported."""
    compiler = _Compiler()
    compiler.read(document)
    return compiler.script()


def compiled_leniently(document: str) -> Script:
    """Return the script of a document with any elements: unknown ones are unwrapped, and so is what is no XML.

    Raises UnsupportedMarkup for too many parts and too long silences, InvalidRequest for DOCTYPE.
    """
    compiler, document = _LenientCompiler(), with_xml_entities(document)
    try:
        compiler.read(document)
    except UnsupportedMarkup:
        return Script((Piece(unwrapped_markup(document)),))
    return compiler.script()


class _Compiler:
    """Collects the pieces of one document, and refuses what has no meaning for every provider."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.rate = 1.0
        self.open: list[str] = []
        # The text inside <sub> and <say-as>, and what becomes of it.
        self.inner: list[str] = []
        self.finish: Callable[[str], Piece] | None = None
        self.has_prosody = False

    def read(self, document: str) -> None:
        # The text is in memory already, whatever encoding its declaration names.
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        # A document without DOCTYPE has no entities but those of XML itself.
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.ProcessingInstructionHandler = self.instruction
        parser.StartElementHandler = self.begin
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.add_text
        try:
            parser.Parse(document.strip().encode(errors="replace"), True)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise UnsupportedMarkup(
                f"text is no well-formed XML: {reason} at line {error.lineno}, column {error.offset + 1}"
            ) from error

    def script(self) -> Script:
        """Return what was read; raises UnsupportedMarkup when it has too much silence."""
        silence = sum(piece.silence_ms for piece in self.pieces)
        if silence > MAX_SILENCE_MS:
            raise UnsupportedMarkup(f"the breaks last {silence / 1000:g} s; send at most {MAX_SILENCE_MS // 1000} s")
        return Script(tuple(_merged(self.pieces)), self.rate)

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise UnsupportedMarkup(f"the elements are nested more than {MAX_DEPTH} deep")
        if self.finish:
            raise UnsupportedMarkup(f"<{name[:40]}> may not stand inside <{self.open[-1]}>, which takes text only")
        if not self.open and name != "speak":
            raise UnsupportedMarkup("the document must begin with <speak>")
        if name not in _ELEMENTS or (name == "speak" and self.open):
            raise UnsupportedMarkup(f"<{name[:40]}> is not supported here; send {KNOWN}")
        names, start = _ELEMENTS[name]
        self.check_attributes(name, names, attributes)
        if name in ("p", "s"):
            self._begin_sentence(name)
        elif start:
            start(self, attributes)
        self.open.append(name)

    def end(self, _name: str) -> None:
        name = self.open.pop()
        if name in ("sub", "say-as") and self.finish:
            finish, text = self.finish, "".join(self.inner)
            self.finish, self.inner = None, []
            self.add(finish(text))
        elif name in ("p", "s"):
            self._begin_sentence(name)

    def add_text(self, text: str) -> None:
        if self.finish:
            self.inner.append(text)
        else:
            self.add(Piece(text))

    def add(self, piece: Piece) -> None:
        if self.has_prosody and "prosody" not in self.open and _is_heard(piece):
            self.refuse_prosody()
        self.pieces.append(piece)

    def instruction(self, target: str, _data: str) -> None:
        raise UnsupportedMarkup(f"<?{target[:40]}?> is not supported; send {KNOWN}")

    def refuse_prosody(self) -> None:
        raise UnsupportedMarkup("<prosody> may only stand around the whole text, directly inside <speak>")

    def check_attributes(self, element: str, names: Sequence[str], given: Mapping[str, str]) -> None:
        for name in given:
            if name not in names and not (element == "speak" and _OF_ROOT.fullmatch(name)):
                has = f"it has {' and '.join(names)}" if names else "it has none"
                raise UnsupportedMarkup(f"{name[:40]} of <{element}> is not supported; {has}")

    def _refuse_doctype(self, *_: object) -> None:
        raise UnsupportedMarkup("the document has a DOCTYPE, which is not allowed; send it without")

    def _begin_sentence(self, name: str) -> None:
        self.add(Piece("\n\n" if name == "p" else "\n", is_fixed=True))

    def _break(self, given: Mapping[str, str]) -> None:
        if milliseconds := break_ms(given):
            self.add(Piece(silence_ms=milliseconds))

    def _sub(self, given: Mapping[str, str]) -> None:
        if "alias" not in given:
            raise UnsupportedMarkup("<sub> needs the attribute alias, which is spoken instead of its text")
        self.finish = lambda _text: Piece(given["alias"])

    def _say_as(self, given: Mapping[str, str]) -> None:
        rule = SAY_AS.get(given.get("interpret-as", ""))
        if rule is None:
            raise UnsupportedMarkup(f"interpret-as of <say-as> must be one of {', '.join(SAY_AS)}")
        self.finish = lambda text: Piece(rule(text), is_fixed=True)

    def _prosody(self, given: Mapping[str, str]) -> None:
        if self.open != ["speak"] or self.has_prosody or any(map(_is_heard, self.pieces)):
            self.refuse_prosody()
        else:
            self.rate, self.has_prosody = speaking_rate(given.get("rate", "")), True


class _LenientCompiler(_Compiler):
    """Unwraps what the strict one refuses."""

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2].lower()
        try:
            super().begin(local, attributes)
        except UnsupportedMarkup:
            self.open.append("")
            self._part(local)

    def end(self, name: str) -> None:
        if not self.open[-1]:
            self._part(name.rpartition(":")[2].lower())
        super().end(name)

    def instruction(self, _target: str, _data: str) -> None:
        """Leave a processing instruction out."""

    def refuse_prosody(self) -> None:
        """Speak all at one rate."""
        self.rate, self.has_prosody = 1.0, True

    def check_attributes(self, element: str, names: Sequence[str], given: Mapping[str, str]) -> None:
        """Take any attributes."""

    def _part(self, name: str) -> None:
        """Add a blank for an element that parts words."""
        if name in BLOCKS:
            self.add_text(" ")


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the pieces with texts beside each other as one, which has one blank for each run of blanks."""
    for is_text, run in itertools.groupby(pieces, lambda piece: not (piece.is_fixed or piece.silence_ms)):
        if is_text:
            yield Piece(_BLANKS.sub(" ", "".join(piece.text for piece in run)))
        else:
            yield from run


def _is_heard(piece: Piece) -> bool:
    return bool(piece.text.strip() or piece.silence_ms)


# The attributes of each element, and what happens where it begins.
_ELEMENTS: Mapping[str, tuple[tuple[str, ...], Callable[[_Compiler, Mapping[str, str]], None] | None]] = {
    "speak": (("version", "xml:lang"), None),
    "break": (("time", "strength"), _Compiler._break),
    "p": ((), None),
    "s": ((), None),
    "sub": (("alias",), _Compiler._sub),
    "say-as": (("interpret-as",), _Compiler._say_as),
    "prosody": (("rate",), _Compiler._prosody),
}

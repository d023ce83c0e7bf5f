"""espeak-ng as an engine process runs it: one library, loaded at the first text, which says one text at a time.

The process has no stderr: espeak-ng complains there of missing dictionaries, and may quote the text.
"""

import ctypes
import functools
import os
import struct
from collections.abc import Iterator

from sayna.engines.wire import AUDIO, END, FAILED, NO_VOICE, TABLE, TOO_LONG, Send, Steps

SETTINGS = struct.Struct("<5i")  # words a minute, volume, pitch, pitch range, word gap in 10 ms
SAMPLE_RATE = 22050
# Corrupted memory once made the library render 27,589 s (1.2 GB). Only the callback can end that.
MAX_SAMPLES = 3600 * SAMPLE_RATE
# Of audio in one callback, made in 1 ms. The library's default of 60 costs the worker 0.6 ms more a sentence.
BUFFER_MS = 1000

# Names and values of espeak-ng's speak_lib.h, revision 12.
OUTPUT_SYNCHRONOUS = 2
# Without it the library ends the process when its data are not where they should be.
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 1  # never with 0x10 (SSML opens server files) or 0x100 ([[phonemes]])
RATE, VOLUME, PITCH, RANGE, WORDGAP = 1, 2, 3, 4, 7

# The library keeps 1000 phonemes, 300 words and 800 bytes of a clause (N_PHONEME_LIST, N_CLAUSE_WORDS, N_TR_SOURCE).
# It silently drops the rest: then the two halves of the clause have more phonemes than the whole.
MAX_PHONEMES, MAX_LOSS = 900, 0.04
# A word of 120 bytes with more phonemes is spelled: a Thai letter has 30 in German (measured). It may be cut anywhere.
MAX_WORD_PHONEMES = 400
# From here on the library ends a clause at any combining mark, in the middle of a Hindi word (measured).
BREAK_BYTES = 700
SHORT_BYTES = 60  # too few to be dropped; counting costs 3 % of the synthesis for each halving (measured)
COUNT_PHONEMES = ord("_") << 8  # a mark between two phonemes


class VoiceStruct(ctypes.Structure):
    """The first fields of espeak_VOICE, which are all that this program reads."""

    _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p))


SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Speaker:
    """The library, initialised once in this process; it says one text at a time."""

    def __init__(self, library: bytes, data: bytes) -> None:
        self._variants = os.path.join(data, b"voices", b"!v")  # noqa: PTH118 - pathlib doubles the start-up time
        self._voice = b""
        self._samples, self._outcome = 0, END
        self._send: Send | None = None
        self._lib = ctypes.CDLL(os.fsdecode(library))
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceStruct))
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rate = self._lib.espeak_Initialize(OUTPUT_SYNCHRONOUS, BUFFER_MS, data, INITIALIZE_DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise OSError(f"espeak_Initialize returned {rate}")
        # Kept: ctypes frees a callback that only C knows of.
        self._callback = SynthCallback(self._hear)
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, payload: bytes, send: Send) -> bytes:
        """Send the audio of SETTINGS, voice, NUL and text in UTF-8; return the kind of frame that ends it."""
        settings = SETTINGS.unpack_from(payload)
        voice, _, text = payload[SETTINGS.size :].partition(b"\0")
        # The voice of the last text stays, because to set one costs 0.1 ms.
        if voice != self._voice:
            self._voice = voice if self._lib.espeak_SetVoiceByName(voice) == 0 else b""
        if not self._voice:
            return NO_VOICE
        for parameter, value in zip((RATE, VOLUME, PITCH, RANGE, WORDGAP), settings, strict=True):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._samples, self._outcome, self._send = 0, END, send
        for chunk in self._chunks(text):
            self._lib.espeak_Synth(chunk, ctypes.c_size_t(len(chunk) + 1), 0, 0, 0, CHARS_UTF8, None, None)
            if self._outcome != END:
                break
        return self._outcome

    def _chunks(self, text: bytes) -> Iterator[bytes]:
        """Cut the text inside each clause that is too long for the library, at blanks: there is no pause at a cut."""
        start = begin = 0
        for size, count, is_broken in list(self._clauses(text)) if len(text) > SHORT_BYTES else ():
            for cut in self._cuts(text[begin : begin + size], count)[1] + [size] * is_broken:
                yield text[start : begin + cut]
                start = begin + cut
            begin += size
        yield text[start:]

    def _clauses(self, text: bytes) -> Iterator[tuple[int, int, bool]]:
        """Yield the bytes, the phonemes that the library keeps, and whether it breaks off, of each clause."""
        buffer = ctypes.create_string_buffer(text)
        at = ctypes.addressof(buffer)
        end = at + len(text)
        pointer = ctypes.c_void_p(at)
        while at < end:
            names = self._lib.espeak_TextToPhonemes(ctypes.byref(pointer), CHARS_UTF8, COUNT_PHONEMES)
            before, at = at, min(pointer.value or end, end)
            is_broken = at - before >= BREAK_BYTES and at < end
            if is_broken:
                clause = ctypes.string_at(before, at - before).replace(b"\n", b" ")
                at = pointer.value = before + (clause.rfind(b" ") + 1 or len(clause))
            yield at - before, names.count(b"_") + names.count(b" "), is_broken

    def _cuts(self, clause: bytes, count: int) -> tuple[int, list[int]]:
        """Return the number of phonemes of a clause when nothing is dropped, and where it has to be cut for that."""
        if len(clause) <= SHORT_BYTES or not (cut := _middle(clause, is_spelled=count > MAX_WORD_PHONEMES)):
            return count, []
        halves = (clause[:cut], clause[cut:])
        counts = (sum(count for _, count, _ in self._clauses(half)) for half in halves)
        (left, left_cuts), (right, right_cuts) = map(self._cuts, halves, counts)
        total = left + right
        if not left_cuts and not right_cuts and total <= MAX_PHONEMES and count >= total * (1 - MAX_LOSS) - 2:
            return count, []
        return total, [*left_cuts, cut, *(cut + more for more in right_cuts)]

    def _hear(self, samples: int | None, count: int, _events: int | None) -> int:
        """Pass one buffer of audio on; 1 ends the synthesis."""
        if not samples or not count:
            return 0
        self._samples += count
        if self._samples > MAX_SAMPLES:
            self._outcome = TOO_LONG
        if self._outcome == END and not (self._send and self._send(AUDIO, ctypes.string_at(samples, 2 * count))):
            self._outcome = FAILED
        return int(self._outcome != END)

    def table(self) -> bytes:
        """Return a line "identifier TAB name TAB priority:tag ..." a voice, then a line a variant."""
        voices = self._lib.espeak_ListVoices(None)
        lines: list[bytes] = []
        while voices[len(lines)]:
            voice = voices[len(lines)].contents
            lines.append(b"\t".join((voice.identifier, voice.name, b" ".join(_languages(voice)))))
        lines += sorted(os.listdir(self._variants))  # noqa: PTH208
        return b"\n".join(lines)


def _middle(clause: bytes, *, is_spelled: bool) -> int:
    """Return the blank nearest to the middle, else the character there when the words are spelled, else 0."""
    middle = len(clause) // 2
    clause = clause.replace(b"\n", b" ")
    blanks = [place for place in (clause.rfind(b" ", 1, middle), clause.find(b" ", middle, -1)) if place > 0]
    if blanks or not is_spelled:
        return min(blanks, key=lambda place: abs(place - middle), default=0)
    while clause[middle] & 0xC0 == 0x80:  # noqa: PLR2004 - a later byte of a character in UTF-8
        middle += 1
    return middle


def _languages(voice: VoiceStruct) -> Iterator[bytes]:
    """Walk the list: a priority byte (low is better), a tag, NUL; a zero byte ends it."""
    address = voice.languages
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        yield b"%d:%b" % (priority, tag)
        address += len(tag) + 2


# A request begins with the paths of library and data, each with a NUL behind.
_speaker = functools.cache(Speaker)


def say(payload: bytes, send: Send) -> Steps:
    """Say one text, in one step; the generator returns the kind of the last frame."""
    library, data, said = payload.split(b"\0", 2)
    yield from ()
    return _speaker(library, data).say(said, send)


def send_voices(payload: bytes, send: Send) -> Steps:
    """Send the table of voices."""
    library, data, _ = payload.split(b"\0", 2)
    yield from ()
    send(TABLE, _speaker(library, data).table())
    return END

"""The program in the helper process: espeak-ng behind frames of bytes on one socket, descriptor 0.

Run as `python -I -S helper_program.py LIBRARY DATA`; standard library only, so that it starts in 20 ms.
A frame, both ways: u32 length of the payload (little-endian), one byte kind, payload.

    SAY     SETTINGS, voice, NUL, UTF-8 text      -> AUDIO*, then END, NO_VOICE or TOO_LONG
    VOICES                                        -> TABLE, END
    STOP    cancels the running SAY               -> no response of its own

The program ends when its parent's end of the socket is closed, in the middle of a synthesis too.
Its stderr is /dev/null: espeak-ng complains there of missing dictionaries, and may quote the text.
"""

import _thread
import ctypes
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Iterator

HEADER = struct.Struct("<Ic")
SETTINGS = struct.Struct("<5i")  # words a minute, volume, pitch, pitch range, word gap in 10 ms
SAY, VOICES, STOP = b"s", b"v", b"x"
AUDIO, TABLE, END, NO_VOICE, TOO_LONG, FAILED = b"a", b"t", b"e", b"n", b"l", b"f"

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


def send(wire: int, kind: bytes, payload: bytes = b"") -> None:
    """Write one frame; raises OSError when the parent is gone."""
    frame = HEADER.pack(len(payload), kind) + payload
    while frame:
        frame = frame[os.write(wire, frame) :]


def receive(wire: int) -> tuple[bytes, bytes]:
    """Read one frame; raises EOFError when the parent is gone."""
    length, kind = HEADER.unpack(_read(wire, HEADER.size))
    return kind, _read(wire, length)


def _read(wire: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(wire, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Speaker:
    """The library, initialised once in this process; it says one text at a time."""

    def __init__(self, library: str, data: str, wire: int) -> None:
        self._wire = wire
        self._variants = os.path.join(data, "voices", "!v")  # noqa: PTH118 - pathlib doubles the start-up time
        self._voice = b""
        self._samples, self._outcome, self._stopped = 0, END, False
        self._pending = select.poll()
        self._pending.register(wire, select.POLLIN)
        self._lib = ctypes.CDLL(library)
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(VoiceStruct))
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rate = self._lib.espeak_Initialize(OUTPUT_SYNCHRONOUS, BUFFER_MS, os.fsencode(data), INITIALIZE_DONT_EXIT)
        if rate != SAMPLE_RATE:
            raise OSError(f"espeak_Initialize returned {rate}")
        # Kept: ctypes frees a callback that only C knows of.
        self._callback = SynthCallback(self._hear)
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(self, payload: bytes) -> bytes:
        """Send the audio of one SAY and return the kind of frame that ends it."""
        settings = SETTINGS.unpack_from(payload)
        voice, _, text = payload[SETTINGS.size :].partition(b"\0")
        if not self._select(voice):
            return NO_VOICE
        for parameter, value in zip((RATE, VOLUME, PITCH, RANGE, WORDGAP), settings, strict=True):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._samples, self._outcome, self._stopped = 0, END, False
        for chunk in self._chunks(text):
            self._lib.espeak_Synth(chunk, ctypes.c_size_t(len(chunk) + 1), 0, 0, 0, CHARS_UTF8, None, None)
            if self._stopped:
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
        (left, left_cuts), (right, right_cuts) = (self._cuts(half, self._count(half)) for half in halves)
        total = left + right
        if not left_cuts and not right_cuts and total <= MAX_PHONEMES and count >= total * (1 - MAX_LOSS) - 2:
            return count, []
        return total, [*left_cuts, cut, *(cut + more for more in right_cuts)]

    def _count(self, text: bytes) -> int:
        return sum(count for _, count, _ in self._clauses(text))

    def _select(self, voice: bytes) -> bool:
        """Switch to a voice, unless it is the last one: that costs 0.1 ms."""
        if voice != self._voice:
            self._voice = voice if self._lib.espeak_SetVoiceByName(voice) == 0 else b""
        return bool(self._voice)

    def _hear(self, samples: int | None, count: int, _events: int | None) -> int:
        """Pass one buffer of audio on; 1 ends the synthesis."""
        if not samples or not count:
            return 0
        self._samples += count
        if self._samples > MAX_SAMPLES:
            self._outcome = TOO_LONG
        # A request never follows before END, so a frame that waits now is a STOP.
        self._stopped = self._outcome == TOO_LONG or bool(self._pending.poll(0))
        if not self._stopped:
            try:
                send(self._wire, AUDIO, ctypes.string_at(samples, 2 * count))
            except OSError:
                self._stopped = True
        return int(self._stopped)

    def table(self) -> bytes:
        """Return a line "identifier TAB name TAB priority:tag ..." a voice, then a line a variant."""
        voices = self._lib.espeak_ListVoices(None)
        lines: list[bytes] = []
        while voices[len(lines)]:
            voice = voices[len(lines)].contents
            lines.append(b"\t".join((voice.identifier, voice.name, b" ".join(_languages(voice)))))
        lines += sorted(os.fsencode(entry) for entry in os.listdir(self._variants))  # noqa: PTH208
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


def serve(library: str, data: str, wire: int) -> None:
    """Answer frames until the parent is gone."""
    try:
        speaker = Speaker(library, data, wire)
    except OSError:
        send(wire, FAILED)
        return
    try:
        while True:
            kind, payload = receive(wire)
            if kind == SAY:
                send(wire, speaker.say(payload))
            elif kind == VOICES:
                send(wire, TABLE, speaker.table())
                send(wire, END)
    except (EOFError, OSError):
        return


def exit_with_parent(wire: int) -> None:  # pragma: no cover - runs in the helper process only
    """Wait for the parent's end to be closed, then end at once: a text may keep the library busy for ever."""
    hangup = select.poll()
    hangup.register(wire, 0)
    hangup.poll()
    os._exit(0)


def main() -> None:  # pragma: no cover - runs in the helper process only
    """Run the program: signals and core dumps off (a core holds the text), then serve."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _thread.start_new_thread(exit_with_parent, (0,))
    serve(sys.argv[1], sys.argv[2], 0)


if __name__ == "__main__":  # pragma: no cover
    main()

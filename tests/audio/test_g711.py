import io

import numpy as np
import pytest
import soundfile

from sayna.audio import convert, resolve
from tests.audio.sounds import pieces

EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2")
SUBTYPES = {"mulaw": "ULAW", "alaw": "ALAW"}
# ITU-T G.711, tables 1 and 2, in 16-bit scale: code on the wire -> value
KNOWN = {
    "mulaw": {0x00: -32124, 0x0F: -16764, 0x7F: 0, 0x80: 32124, 0x8F: 16764, 0xEF: 132, 0xFE: 8, 0xFF: 0},
    "alaw": {0x2A: -32256, 0x55: -8, 0x54: -24, 0xAA: 32256, 0xD5: 8, 0xD4: 24, 0x80: 5504, 0x00: -5504},
}


def through(data: bytes, source: str, target: str) -> bytes:
    specs = resolve(source, 8000), resolve(target, 8000)
    return b"".join(convert(pieces(data, 999), *specs))


@pytest.mark.parametrize("law", KNOWN)
def test_codes_decode_to_the_values_of_the_standard(law: str) -> None:
    decoded = np.frombuffer(through(bytes(range(256)), law, "linear16"), "<i2")
    assert {code: decoded[code] for code in KNOWN[law]} == KNOWN[law]


@pytest.mark.parametrize("law", KNOWN)
def test_every_code_survives_the_way_there_and_back(law: str) -> None:
    codes = bytes(range(256))
    back = through(through(codes, law, "linear16"), "linear16", law)
    # µ-law has two zeros: 0x7F is the negative one
    assert back == (codes.replace(b"\x7f", b"\xff") if law == "mulaw" else codes)


@pytest.mark.parametrize("law", KNOWN)
def test_every_sample_becomes_the_code_that_libsndfile_writes(law: str) -> None:
    expected = io.BytesIO()
    soundfile.write(expected, EVERY_SAMPLE, 8000, format="RAW", subtype=SUBTYPES[law])
    assert through(EVERY_SAMPLE.tobytes(), "linear16", law) == expected.getvalue()


@pytest.mark.parametrize("law", KNOWN)
def test_every_sample_becomes_a_nearest_value(law: str) -> None:
    values = np.frombuffer(through(bytes(range(256)), law, "linear16"), "<i2").astype(int)
    codes = np.frombuffer(through(EVERY_SAMPLE.tobytes(), "linear16", law), "u1")
    lost = np.abs(values[codes] - EVERY_SAMPLE)
    step = np.maximum(16, np.abs(EVERY_SAMPLE.astype(int)) // 16 + 16)
    assert (lost <= step).all()

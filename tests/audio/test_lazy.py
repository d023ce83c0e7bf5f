import subprocess
import sys

import pytest

HEAVY = "print(sorted({'numpy', 'soundfile', 'soxr'} & set(sys.modules)))"
SAME_RATE = """
import sys
from sayna.audio import checked, convert, duration_ms, resolve, wav_header
spec = resolve("wav", 22050)
data = wav_header(spec, 44100) + bytes(44100)
assert duration_ms(b"".join(convert(checked(iter([data]), spec), spec, spec)), spec) == 1000
"""


@pytest.mark.parametrize("code", ["import sys, sayna.audio\n", SAME_RATE], ids=["import", "same rate"])
def test_no_heavy_library_is_loaded_before_it_is_needed(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code + HEAVY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

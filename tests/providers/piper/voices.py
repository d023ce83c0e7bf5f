"""Two tiny Piper voices, which sing a note for each letter.

Made once with `onnx` (shared/reference/providers.md, section 8): a letter lasts 2048 samples times the length
scale, at 120 Hz and 12 Hz more for each symbol number; CHOIR has speakers, each 1000 Hz above the last.
Kept as base64 of zlib, so that tests need no onnx.
"""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

RATE = 16000
LETTER_SAMPLES = 2048
SOLO = (
    "eNplUs1u00AQztjrZDsQmgyFpqqQwMeVQFzhgGhQVckSCBVxyaVyySa24q6drt2gvkk5ceJteApeoG9QZr2xxM9Klme//b6Z"
    "+WZXytc/IlTYt1/SQlsMS6OpX2izrLO4f5LWmb5U91CkX3M76X2HAPdxe4xhVlYUmrNFHL5vCjxAFxOYWLxLba12MKjLycBp"
    "DlBc68sSwaCwta4IVnF0mpqlxgnCioLV4i8RONETjHJTNTWF+dz+f/wYHY79eqOLK03B4qVvg5BDFOep1QTc2tF87oosvAfm"
    "NfHOZ2PXjdbXGsfMbpDrU1BlPsFD5BCj8kIvU4KNB+8jbCiweRx+yo2rYXMURdnMCdaecYiwxshmacUDLJuaO48Hp9oDcKXG"
    "o8HUTTeR0PNLDUcwdUNMBO+OFTGjnVMiex2lxdzI/pCNWLa17ZRvj9QDRlrHbn87VXsSnM4ZTmTQ6XaZ5W0l4sWvn6+8zJlI"
    "xLebmzfquRQs8x6Sp129f/932zWbdBe0i0M5IL4bCRgSfJwd4rA9OfMvxRKiZIZwjNle99haFFo0PH+G26HRPj5idNxm6z7O"
    "+mEqsDca/wZ4nJI1"
)
CHOIR = (
    "eNptUt1u0zAYrRM3zQ4rS8xgnSYkyKUlELuEC8QKCCkSCA1x05spo04TNSTpnKyoL8AzjCteiKfgBXgD+Bw3aPxYimIfn/P9"
    "nM++/+SzBwlPf0gKpeFWpRJeocpFk0Xeq6TJ1IW8AZ58yvVk8JU5OMD2Gm5W1cItz9LIfd0WOITZC1ZG/HmiG7kDp6kmI6M5"
    "BN+oiwqsBNeNqgVbRsPTpFwoTMCWwlmmf4iYEd3FMC/rthFuPtf/Xt+BweE1a1VcKuGkj2wZt0Bb8PNEG/A4ck/mc1ObzueC"
    "/SdOAKbhtLVwdGUjBBThGHQULLVyKjK1HlDINtp5X+pVq9RGISRuC6pfOHX2u4A6w7D6qBaJYGsL7oKtKUMeue/yEoKi5+BF"
    "1VJNK8s4AlthqLOkpgFUbUOdR6NTZQF2KcNgNDXTiX02sEuOAzY1Q4g5nV5KQYzO59gf9JQOM5ZfkwUk29pmlM9O5E1COsfM"
    "+cdU7vvM6EzDse/0uj1i2bZi/vD7t8dWZpqI+Zerq6fygc9JZnuI7/X5/v7/3C65S3Iy3uTcvJhN+nHvYeyPBE3IZ3AFezs7"
    "wri7ObPvTgvAJwY3jNl+/3Q7lHWoOwvtvK8Rz+9j66o4wG0ihl2C/qNEb6YcgyD8BV3ao48="
)
LETTERS = "_^$ " + "".join(map(chr, range(33, 127))).replace("_", "").replace("^", "").replace("$", "")


def install(folder: Path, name: str = "en_US-tiny-low", *, speakers: dict[str, int] | None = None, **told: Any) -> None:
    """Put a voice into a folder; `told` changes its description."""
    folder.mkdir(exist_ok=True)
    model = zlib.decompress(base64.b64decode(CHOIR if speakers else SOLO))
    (folder / f"{name}.onnx").write_bytes(model)
    description = {
        "audio": {"sample_rate": RATE, "quality": "low"},
        "dataset": "tiny",
        "espeak": {"voice": "en-us"},
        "language": {"code": name.partition("-")[0], "name_english": "English"},
        "phoneme_type": "text",
        "num_symbols": 256,
        "num_speakers": len(speakers) if speakers else 1,
        "speaker_id_map": speakers or {},
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(LETTERS)},
        **told,
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(description))

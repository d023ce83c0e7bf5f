"""LEXICON_PATH at the wire: whose words count, in which language, and what happens when a file changes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from sayna.config import ConfigError
from sayna.config.fields import InvalidValue
from sayna.speech.lexicons import Lexicons, read_lexicon
from sayna.speech.spoken import PronunciationTable
from sayna.speech.text import clean
from tests.blueprints.clips import SECRETS, TENANTS, bearer
from tests.blueprints.conftest import MakeClient
from tests.e2e.program import until
from tests.wire.deepgram import DeepgramFake

BODY = {"text": "IVR of ACME", "provider": "deepgram", "audio_format": "linear16"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "lexicons"
    found.mkdir()
    return found


@pytest.fixture
def deepgram() -> Iterator[DeepgramFake]:
    with DeepgramFake() as fake:
        yield fake


@pytest.fixture
def client(make_client: MakeClient, deepgram: DeepgramFake, folder: Path) -> FlaskClient:
    (folder / "_all.csv").write_text("word,pronunciation,language\nIVR,I V R\nACME,Akmee\nACME,Akmeh,de\n", "utf-8")
    (folder / "tenant-a.yaml").write_text("ACME: A C M E\n", "utf-8")
    return make_client(
        **TENANTS, CLIP_SECRETS_JSON=SECRETS, LEXICON_PATH=str(folder),
        DEEPGRAM_API_KEY="good", DEEPGRAM_BASE_URL=deepgram.url,
    )  # fmt: skip


def said(client: FlaskClient, deepgram: DeepgramFake, tenant: str, **body: Any) -> str:
    answer = client.post("/speak", json={**BODY, **body}, headers={**bearer(tenant), "Cache-Control": "no-store"})
    assert answer.status_code == 200, answer.get_json()
    assert answer.data
    return deepgram.texts[-1]


def test_two_tenants_with_one_body_hear_their_own_words(client: FlaskClient, deepgram: DeepgramFake) -> None:
    for _ in range(2):
        assert said(client, deepgram, "tenant-a") == "I V R of A C M E"
        assert said(client, deepgram, "tenant-b") == "I V R of Akmee"


def test_words_of_the_request_win_over_those_of_the_tenant(client: FlaskClient, deepgram: DeepgramFake) -> None:
    rules = [{"word": "ACME", "pronunciation": "we"}, {"word": "of", "pronunciation": "by"}]

    assert said(client, deepgram, "tenant-a", pronunciations=rules) == "I V R by we"
    assert said(client, deepgram, "tenant-a", pronunciations=[]) == "I V R of A C M E"


def test_words_of_a_language_count_in_it_alone(client: FlaskClient, deepgram: DeepgramFake) -> None:
    assert said(client, deepgram, "tenant-b", language="de") == "I V R of Akmeh"
    assert said(client, deepgram, "tenant-b", language="en") == "I V R of Akmee"


def test_clip_speaks_the_words_of_its_tenant(client: FlaskClient, deepgram: DeepgramFake) -> None:
    body = {"text": "IVR of ACME", "provider": "deepgram", "render": False}
    for tenant, heard in (("tenant-a", "I V R of A C M E"), ("tenant-b", "I V R of Akmee")):
        path = client.post("/clips", json=body, headers=bearer(tenant)).get_json()["path"]
        assert client.get(path).status_code == 200
        assert deepgram.texts[-1] == heard


def test_changed_file_counts_and_a_mistake_keeps_the_old_words(
    client: FlaskClient, deepgram: DeepgramFake, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def becomes(tenant: str, text: str, **body: str) -> None:
        until(lambda: said(client, deepgram, tenant, **body) == text, 10, text)

    (folder / "tenant-a.yaml").write_text("ACME: the company\n", "utf-8")
    becomes("tenant-a", "I V R of the company")
    (folder / "tenant-a.yaml").write_text("ACME: [the, company]\n", "utf-8")
    until(
        lambda: said(client, deepgram, "tenant-a") and any("tenant-a.yaml" in each for each in caplog.messages),
        60,
        "logged",
    )
    assert said(client, deepgram, "tenant-a") == "I V R of the company"
    (folder / "tenant-a.yaml").unlink()
    entry = {"word": "of", "pronunciation": "OF", "language": "en"}
    (folder / "tenant-b.json").write_text(json.dumps([entry]), "utf-8")
    becomes("tenant-a", "I V R of Akmee")
    becomes("tenant-b", "I V R OF Akmee", language="en")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("_all.csv", "IVR\n", "line 1"),
        ("_all.csv", "IVR,I,de,x\n", "line 1"),
        ("_all.csv", "a,b\n\nword,pronunciation\na,c\n", "twice, at line 4"),
        ("_all.csv", "a,b,german\n", "no BCP 47 tag, at line 1"),
        ("_all.csv", '"a,b\n', "no CSV"),
        ("_all.csv", " ,b\n", "1 to 64"),
        ("_all.csv", f"{'a' * 65},b\n", "1 to 64"),
        ("_all.csv", f"a,{'b' * 1001}\n", "up to 1000"),
        ("_all.csv", "\n".join(f"w{n},x" for n in range(2001)), "more than 2000"),
        ("_all.csv", b"\xff\xfe", "UnicodeDecodeError"),
        ("_all.json", '{"a": 1}', "entry 1"),
        ("_all.json", '"a"', "neither a list"),
        ("_all.json", '[{"word": "a", "spoken": "b"}]', "entry 1"),
        ("_all.yaml", "a: b\na: c\n", "line"),
        ("a b.csv", "a,b\n", "'a b.csv'"),
    ],
)
def test_mistakes_are_told_at_start(folder: Path, name: str, content: str | bytes, told: str) -> None:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as found:
        Lexicons(folder)

    assert told in str(found.value)


def test_two_files_of_one_owner_are_a_mistake(folder: Path) -> None:
    for name in ("_all.csv", "_all.json", ".hidden.csv", "README.md"):
        (folder / name).write_text("[]" if name.endswith("json") else "a,b\n", "utf-8")
    with pytest.raises(ConfigError, match="one file"):
        Lexicons(folder)


def test_heads_semicolons_and_marks_of_spreadsheets_are_read(folder: Path) -> None:
    (folder / "_all.csv").write_text("\ufeffWord;Pronunciation;Language\nSQL;sequel;\nc't;see tee;en-US\n", "utf-8")
    words = Lexicons(folder)

    assert words.words(None, "en-US", ()).apply("SQL in c't") == "sequel in see tee"
    assert words.words("someone", "en-GB", ()).apply("SQL in c't") == "sequel in c't"


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text('aé,;"\n\r\t\0 \u0301\u3042x', max_size=60).map(str.encode)))
@pytest.mark.parametrize("suffix", [".csv", ".yaml", ".json"])
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    try:
        entries = read_lexicon(path)
    except InvalidValue:
        return

    assert all(1 <= len(entry.word) <= 64 and entry.word == entry.word.strip() for entry in entries)
    assert len({(entry.word, entry.language) for entry in entries}) == len(entries)
    PronunciationTable((entry.word, entry.spoken) for entry in entries).apply(clean(content.decode(errors="replace")))


def test_samples_of_the_page_are_read(folder: Path) -> None:
    page = Path(__file__).parents[2].joinpath("docs/pronunciation.md").read_text("utf-8")
    for suffix in ("csv", "yaml"):
        (sample,) = re.findall(rf"```{suffix}\n(.*?)```", page, re.DOTALL)
        (folder / f"_all.{suffix}").write_text(sample, "utf-8")
        words = Lexicons(folder).words(None, "de-AT", ())
        (folder / f"_all.{suffix}").unlink()

        assert words.apply("IVR ACME") == f"I V R {'Akmeh' if suffix == 'csv' else 'Akmee'}"

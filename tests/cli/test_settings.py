"""`sayna config`: every mistake and misspelt name, and what is set, where, without secrets."""

import json
from pathlib import Path

import pytest

from sayna.config import read_sources
from tests.cli.conftest import Run


def test_check_names_mistakes_and_misspelt_settings(run: Run) -> None:
    result = run("config", "check", PORT="high", ELEVENLABS_APIKEY="x")

    assert result.exit_code == 1
    assert "fail  PORT" in result.stdout
    assert "warn  ELEVENLABS_APIKEY is no setting of Sayna; did you mean ELEVENLABS_API_KEY?" in result.stdout
    found = json.loads(run("config", "check", "--json", ELEVENLABS_APIKEY="x").stdout)
    assert (found["problems"], len(found["warnings"])) == ([], 1)


def test_check_of_good_settings_says_ok(run: Run) -> None:
    result = run("config", "check", PORT="4001")

    assert (result.exit_code, result.stdout) == (0, "ok    the settings are usable\n")


@pytest.mark.parametrize("name", ["VOICES_PATH", "LEXICON_PATH"])
def test_check_reads_the_files_that_a_start_reads(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "_all.csv").write_text("IVR\n")
    (tmp_path / "voices.yaml").write_text("reception: [{provider: acme}]\n")
    path = {"VOICES_PATH": "voices.yaml", "LEXICON_PATH": "words"}[name]

    checked = run("config", "check", **{name: path})
    tried = run("doctor", **{name: path})

    assert (checked.exit_code, checked.stdout.startswith(f"fail  {name}")) == (1, True)
    assert (tried.exit_code, name in tried.stdout) == (2, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["voices.yaml", "words"]


def test_show_says_where_each_setting_comes_from(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the-key")
    (tmp_path / ".env").write_text("WEB_THREADS=9\nOPENAI_API_KEY_FILE=key\n")
    (tmp_path / "sayna.yaml").write_text("server:\n  port: 4002\ncache:\n  ttl_seconds: 60\n")

    shown = run("config", "show", SAYNA_CONFIG="sayna.yaml", PORT="4001")

    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in shown.stdout.splitlines()}
    assert rows["PORT"] == ["4001", "PORT"]
    assert rows["WEB_THREADS"] == ["9", "WEB_THREADS in .env"]
    assert rows["OPENAI_API_KEY"] == ["***", "OPENAI_API_KEY_FILE in .env key"]
    assert rows["CACHE_TTL_SECONDS"] == ["60", "cache.ttl_seconds in SAYNA_CONFIG"]
    assert "LOG_LEVEL" not in rows
    assert "LOG_LEVEL" in run("config", "show", "--all").stdout


def test_show_shows_addresses_and_lists_but_no_query(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sayna.yaml").write_text("sip:\n  own_addresses: [198.51.100.7, sip.example.com]\n")
    given = {
        "SIP_OUTBOUND_ADDRESS": "pbx.example.com:5060;transport=tcp",
        "LIVEKIT_URL": "wss://livekit.example.com",
        "SIP_ALLOWED_DESTINATIONS": "+49, 0049",
        "VENDOR_CONCURRENCY": "elevenlabs=5",
        "METRICS_ENABLED": "Yes",
        "AUTH_SERVICE_URL": "https://auth.example.com/check?code=canary",
        "AUTH_SIGNING_KEY_PATH": "key.pem",
        "AUTH_REQUIRED": "false",
    }

    shown = run("config", "show", "--all", "--json", SAYNA_CONFIG="sayna.yaml", **given)

    rows = {row["name"]: row["value"] for row in json.loads(shown.stdout)}
    assert {name: rows[name] for name in given} == given | {
        "SIP_ALLOWED_DESTINATIONS": "+49,0049",
        "METRICS_ENABLED": "true",
        "AUTH_SERVICE_URL": "https://auth.example.com/check?***",
    }
    assert rows["SIP_OWN_ADDRESSES"] == "198.51.100.7,sip.example.com"
    assert rows["FORWARDED_ALLOW_IPS"] == "127.0.0.1,::1"
    assert rows["DEEPGRAM_BASE_URL"] == "https://api.deepgram.com"
    assert rows["SIP_DENIED_DESTINATIONS"] == "-"


@pytest.mark.parametrize(
    ("name", "meant"),
    {
        "ELEVENLABS_APIKEY": "ELEVENLABS_API_KEY",
        "elevenlabs_api_key": "ELEVENLABS_API_KEY",
        "DEEPGRAM_API_KEYS": "DEEPGRAM_API_KEY",
        "DEEPGRAM_APIKEY_FILE": "DEEPGRAM_API_KEY_FILE",
        "CACHEPATH": "CACHE_PATH",
        "AUTH_REQIURED": "AUTH_REQUIRED",
        "REDIS_ULR": "REDIS_URL",
        "REDIS_URI": "REDIS_URL",
    }.items(),
)
def test_misspelt_variable_is_a_warning(tmp_path: Path, name: str, meant: str) -> None:
    (sentence,) = read_sources({name: "x"}, cwd=tmp_path).warnings

    assert sentence == f"{name} is no setting of Sayna; did you mean {meant}?"


@pytest.mark.parametrize(
    "name", ["PATH", "HOSTNAME", "LOGNAME", "HOSTS", "SAYNA_PORT", "AWS_PROFILE", "CACHE_DIR", "REDIS_HOST"]
)
def test_variable_of_another_program_is_no_warning(tmp_path: Path, name: str) -> None:
    assert read_sources({name: "x"}, cwd=tmp_path).warnings == []


def test_misspelt_section_of_yaml_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "sayna.yaml").write_text("provders:\n  deepgram_api_key: x\nstt:\n  model: y\n")

    found = read_sources({"SAYNA_CONFIG": "sayna.yaml"}, cwd=tmp_path)

    assert found.warnings == ["The section provders in SAYNA_CONFIG is not read; did you mean providers?"]
    assert found.problems == []

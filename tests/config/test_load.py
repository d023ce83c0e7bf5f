"""Where settings come from, which source wins, and what follows from them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sayna.config import Config, ConfigError, load_config
from tests.wire.certificates import Authority


def problems_of(environ: dict[str, str], folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(environ, cwd=folder)
    return caught.value.problems


def test_without_any_setting_everything_has_its_default(tmp_path: Path) -> None:
    config = load_config({}, cwd=tmp_path)
    assert config == Config()
    assert config.providers.configured == ("espeak",)
    assert (config.server.bind, config.server.workers, config.server.threads) == ("0.0.0.0:3001", 4, 64)
    assert (config.cache.ttl_seconds, config.cache.max_bytes) == (2_592_000, 1_073_741_824)
    assert (config.livekit.public_url, config.livekit.configured) == ("ws://localhost:7880", False)
    assert (config.recording.backend, config.sip.calls_per_minute) == (None, 60)
    assert not config.auth.required


def test_environment_beats_dotenv_beats_yaml_beats_default(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("server: {port: 1001, host: yaml, workers: 7}\n")
    (tmp_path / ".env").write_text("SAYNA_CONFIG=config.yaml\nPORT=1002\nHOST=dotenv\n")
    server = load_config({"PORT": "1003", "HOST": " "}, cwd=tmp_path).server
    assert (server.port, server.host, server.workers, server.threads) == (1003, "dotenv", 7, 64)


def test_settings_of_the_checkout_count_in_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    (home / "var" / "cache").mkdir(parents=True)
    here.mkdir()
    (home / ".env").write_text("PORT=1002\n")
    monkeypatch.chdir(here)
    monkeypatch.setenv("SAYNA_HOME", str(home))
    config = load_config()
    assert (config.server.port, config.cache.path) == (1002, home / "var" / "cache")
    (here / ".env").write_text("HOST=localhost\n")
    config = load_config()
    assert (config.server.host, config.cache.path) == ("localhost", None)


def test_current_folder_of_another_user_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, home, user = tmp_path / "closed", tmp_path / "home", os.geteuid()
    home.mkdir()
    closed.mkdir()
    monkeypatch.chdir(closed)
    monkeypatch.setenv("SAYNA_HOME", str(home))
    closed.chmod(0)
    try:
        # Root may search every folder.
        if user == 0:
            os.seteuid(65534)
        assert load_config().server == Config().server
    finally:
        os.seteuid(user)
        closed.chmod(0o700)


def test_dotenv_is_read_literally_and_sets_no_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEEPGRAM_API_KEY='a$HOME${PORT}'\nPORT=\n")
    before = dict(os.environ)
    config = load_config({}, cwd=tmp_path)
    assert config.providers.deepgram.api_key is not None
    assert config.providers.deepgram.api_key.reveal() == "a$HOME${PORT}"
    assert dict(os.environ) == before


def test_load_reads_process_environment_when_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=1002\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOST", "localhost")
    assert load_config().server.bind == "localhost:1002"
    assert load_config({}).server.bind == "0.0.0.0:3001"


def test_a_dotenv_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    assert problems_of({}, tmp_path) == ["The file .env cannot be read (UnicodeDecodeError); repair or remove it."]


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file\n")
    deepgram = load_config({"DEEPGRAM_API_KEY_FILE": "key"}, cwd=tmp_path).providers.deepgram
    assert deepgram.configured
    assert deepgram.api_key is not None
    assert deepgram.api_key.reveal() == "from-a-file"


def test_secret_set_twice_or_without_its_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    twice = problems_of({"DEEPGRAM_API_KEY_FILE": "key", "DEEPGRAM_API_KEY": "y"}, tmp_path)
    assert twice == ["DEEPGRAM_API_KEY and DEEPGRAM_API_KEY_FILE are both set; set only one of them."]
    missing = problems_of({"DEEPGRAM_API_KEY_FILE": "nokey"}, tmp_path)
    assert missing == ["DEEPGRAM_API_KEY_FILE cannot be read (FileNotFoundError); set it to a readable file."]


@pytest.mark.parametrize("text", ["true", "1", "YES", " on ", "True"])
def test_yes_in_every_spelling_switches_on(text: str) -> None:
    assert load_config({"POLLY_ENABLED": text}).providers.polly.configured


@pytest.mark.parametrize("text", ["false", "0", "NO", " off ", "False"])
def test_no_in_every_spelling_switches_off(text: str) -> None:
    assert load_config({"ESPEAK_ENABLED": text}).providers.configured == ()


def test_importing_the_configuration_does_not_load_its_parsers() -> None:
    heavy = {"yaml", "dotenv", "cryptography", "requests"}
    check = f"import sys, sayna.config; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_preferred_vendor_comes_first() -> None:
    keys = {"CARTESIA_API_KEY": "k", "AZURE_SPEECH_SUBSCRIPTION_KEY": "k", "DEEPGRAM_API_KEY": "k"}
    assert load_config(keys).providers.configured == ("deepgram", "azure", "cartesia", "espeak")


def test_server_with_the_openai_api_needs_no_key_and_no_tls() -> None:
    openai = load_config({"OPENAI_BASE_URL": "http://kokoro.lan:8880/v1/"}).providers.openai
    assert (openai.configured, openai.base_url) == (True, "http://kokoro.lan:8880/v1")
    assert not load_config({}).providers.openai.configured


def test_azure_is_asked_in_its_region_unless_a_url_is_set() -> None:
    key = {"AZURE_SPEECH_SUBSCRIPTION_KEY": "k", "AZURE_SPEECH_REGION": "westeurope"}
    assert load_config(key).providers.azure.base_url == "https://westeurope.tts.speech.microsoft.com"
    own = load_config(key | {"AZURE_SPEECH_BASE_URL": "http://127.0.0.1:9/"}).providers.azure
    assert own.base_url == "http://127.0.0.1:9"


def test_google_takes_a_path_or_the_json_itself(tmp_path: Path) -> None:
    (tmp_path / "sa.json").write_text("{}")
    for credentials in ("{}", str(tmp_path / "sa.json")):
        assert load_config({"GOOGLE_APPLICATION_CREDENTIALS": credentials}).providers.google.configured


def test_piper_and_polly_are_configured_by_what_they_need(tmp_path: Path) -> None:
    environ = {"PIPER_VOICES_PATH": str(tmp_path), "POLLY_ENABLED": "1", "AWS_DEFAULT_REGION": "eu-central-1"}
    providers = load_config(environ).providers
    assert providers.configured == ("polly", "piper", "espeak")
    assert providers.polly.region == "eu-central-1"


def test_both_forms_of_secrets_are_known_with_their_tenants() -> None:
    environ = {
        "AUTH_REQUIRED": "true",
        "AUTH_API_SECRETS_JSON": '[{"id": "tenant-a", "secret": "s1"}]',
        "AUTH_API_SECRET": "s2",
    }
    found = [(each.id, each.secret.reveal()) for each in load_config(environ).auth.secrets]
    assert found == [("tenant-a", "s1"), ("default", "s2")]


def test_secrets_may_be_there_with_auth_said_to_be_off() -> None:
    assert not load_config({"AUTH_REQUIRED": "off", "AUTH_API_SECRET": "s"}).auth.required


@pytest.mark.parametrize(
    ("environ", "backend"),
    [
        ({"RECORDING_S3_BUCKET": "bucket", "RECORDING_S3_ENDPOINT": "http://minio:9000"}, "s3"),
        ({"RECORDING_GCS_BUCKET": "bucket", "RECORDING_GCS_CREDENTIALS_JSON": "{}"}, "gcs"),
        ({"RECORDING_LOCAL_PATH": "/recordings"}, "local"),
        (
            {"RECORDING_LOCAL_PATH": "/r", "RECORDING_S3_BUCKET": "bucket", "RECORDING_BACKEND": "Local"},
            "local",
        ),
    ],
)
def test_the_recording_backend_is_found_from_its_settings(environ: dict[str, str], backend: str) -> None:
    assert load_config(environ).recording.backend == backend


def test_a_recording_prefix_loses_its_outer_slashes() -> None:
    assert load_config({"RECORDING_PREFIX": "/recordings/production/"}).recording.prefix == "recordings/production"


@pytest.mark.parametrize(
    ("environ", "bind"),
    [
        ({"HOST": "::1", "PORT": "80"}, "[::1]:80"),
        ({"BIND": "unix:/run/sayna/sayna.sock", "PORT": "80"}, "unix:/run/sayna/sayna.sock"),
    ],
)
def test_bind_is_what_gunicorn_understands(environ: dict[str, str], bind: str) -> None:
    assert load_config(environ).server.bind == bind


def test_log_lines_are_json_unless_somebody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    server = load_config({}).server
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert server.log_format == "console"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert server.log_format == "json"
    assert load_config({"LOG_FORMAT": "CONSOLE"}).server.log_format == "console"


def test_a_hook_has_a_canonical_host_and_its_own_secret_or_none() -> None:
    entry = '[{"host": "SIP.Example.com.", "url": "http://127.0.0.1:9/x?y=1", "secret": "0123456789abcdef"}]'
    (hook,) = load_config({"SIP_HOOKS_JSON": entry, "SIP_HOOK_ALLOW_PRIVATE": "true"}).sip.hooks
    assert (hook.host, hook.url, hook.auth_id) == ("sip.example.com", "http://127.0.0.1:9/x?y=1", None)
    assert hook.secret is not None


ONE = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": "s"}
TWO = {**ONE, "AUTH_API_SECRETS_JSON": '[{"id": "a", "secret": "t"}]'}
SERVICE = {"AUTH_SERVICE_URL": "https://auth.example", "AUTH_SIGNING_KEY_PATH": "/key.pem"}


@pytest.mark.parametrize(
    ("environ", "own"),
    [
        ({}, False),
        (ONE, False),
        (TWO, True),
        ({**TWO, "AUTH_REQUIRED": "false"}, False),
        ({"AUTH_REQUIRED": "true", **SERVICE}, True),
        ({"SIP_HOOK_SECRET_SCOPE": "hook"}, True),
        ({**TWO, "SIP_HOOK_SECRET_SCOPE": "SERVER"}, False),
    ],
)
def test_each_hook_has_its_secret_when_tenants_are_several(environ: dict[str, str], own: bool) -> None:
    assert load_config(environ).own_hook_secrets == own


def test_authorities_are_the_certificates_without_comments(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    pem = authority.pem.read_text()
    file = tmp_path / "bundle.pem"
    file.write_bytes(f"# für uns\n{pem}\n# und für andere\n{pem}".encode("latin-1"))
    found = load_config({"TLS_CA_FILE": str(file)})
    assert found.outbound.authorities is not None
    assert found.outbound.authorities.pem == pem
    assert "BEGIN" not in repr(found)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (("TLS_CA_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), "TLS_CA_FILE"),
        (("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), "SSL_CERT_FILE"),
        (("REQUESTS_CA_BUNDLE",), "REQUESTS_CA_BUNDLE"),
        ((), None),
    ],
)
def test_usual_variables_for_authorities_count_after_our_own(
    given: tuple[str, ...], used: str | None, tmp_path: Path
) -> None:
    pem, files = Authority.create(tmp_path).pem.read_text(), {}
    for name in given:
        (tmp_path / name).write_text(pem)
        files[name] = str(tmp_path / name)
    found = load_config(files).outbound.authorities
    assert (found and found.path.name) == used


def test_folder_of_certificates_counts_with_all_its_files(tmp_path: Path) -> None:
    pems = []
    for name in ("a.pem", "b.crt", "c.txt"):
        (tmp_path / name.partition(".")[0]).mkdir()
        pems.append(Authority.create(tmp_path / name.partition(".")[0]).pem.read_text())
        (tmp_path / name).write_text(pems[-1])
    found = load_config({"REQUESTS_CA_BUNDLE": str(tmp_path)}).outbound.authorities
    assert found is not None
    assert found.pem.count("BEGIN CERTIFICATE") == 2
    assert all(pem.strip() in found.pem for pem in pems[:2])

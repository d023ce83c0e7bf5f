"""The YAML file: the layout of the reference server, strictly read."""

from pathlib import Path

import pytest

from sayna.config import Config, ConfigError, Secret, load_config

REFERENCE = """
server: {host: 127.0.0.1, port: 3001}
livekit: {url: "ws://lk:7880", public_url: "http://lk.example:7880", api_key: key, api_secret: 0123}
providers:
  deepgram_api_key: 2026-01-01t00:00:00z
  google_credentials: ""
  azure_speech_subscription_key: az
  azure_speech_region: westeurope
stt: {provider: deepgram, google: {location: global}}
vad: {threshold: 0.5}
recording:
  prefix: recordings/production
  backend: {type: s3, bucket: my-rec, region: us-west-2, access_key: a, secret_key: s, force_path_style: yes}
cache: {path: /var/cache/sayna, ttl_seconds: 60}
auth:
  required: true
  api_secrets:
    - {id: default, secret: 007}
    - {id: partner-1, secret: yes}
sip:
  room_prefix: sip-
  allowed_addresses: [192.168.1.0/24, 10.0.0.1]
  allowed_destinations: [+49, 0049]
  from_numbers: [{auth_id: default, numbers: [+4930, 07]}]
  hook_secret: 0123456789abcdef
  hooks:
    - {host: example.com, url: "https://webhook.example.com/events", auth_id: default}
    - {host: another.com, url: "https://webhook2.example.com/events", auth_id: partner-1, secret:}
"""


def load(text: str, folder: Path, **environ: str) -> Config:
    (folder / "config.yaml").write_text(text)
    return load_config({"SAYNA_CONFIG": "config.yaml", **environ}, cwd=folder)


def problems_of(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, folder)
    return caught.value.problems


def test_a_file_in_the_layout_of_the_reference_is_understood(tmp_path: Path) -> None:
    config = load(REFERENCE, tmp_path)
    assert (config.server.host, config.livekit.public_url) == ("127.0.0.1", "http://lk.example:7880")
    assert config.providers.configured == ("deepgram", "azure", "espeak")
    assert (config.recording.backend, config.recording.s3_bucket) == ("s3", "my-rec")
    assert config.recording.s3_force_path_style
    assert (config.cache.path, config.cache.ttl_seconds) == (Path("/var/cache/sayna"), 60)
    assert config.sip.allowed_addresses == ("192.168.1.0/24", "10.0.0.1")
    assert [hook.auth_id for hook in config.sip.hooks] == ["default", "partner-1"]


def test_values_are_taken_as_they_are_written(tmp_path: Path) -> None:
    config = load(REFERENCE, tmp_path)
    assert [each.secret.reveal() for each in config.auth.secrets] == ["007", "yes"]
    assert config.providers.deepgram.api_key == Secret("2026-01-01t00:00:00z")
    assert config.sip.allowed_destinations == ("+49", "0049")
    assert config.sip.from_numbers[0].numbers == {"+4930", "07"}
    assert config.livekit.api_secret == Secret("0123")


def test_the_environment_beats_the_file_one_setting_at_a_time(tmp_path: Path) -> None:
    recording = load(REFERENCE, tmp_path, RECORDING_S3_BUCKET="other").recording
    assert (recording.s3_bucket, recording.s3_region) == ("other", "us-west-2")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server: {prot: 1}", "server.prot in SAYNA_CONFIG is no setting; correct or remove it."),
        ("recording: {backend: {bucket: abc}}", "recording.backend[].bucket in SAYNA_CONFIG is no setting"),
        ("recording: {backend: {type: gcs, region: r}}", "recording.backend[gcs].region in SAYNA_CONFIG"),
        ("- server", "SAYNA_CONFIG names a file that is not a mapping"),
        ("server: 3001", "server in SAYNA_CONFIG is not a mapping"),
        ("server:\n  port: 1\n  port: 2\n", "SAYNA_CONFIG has a mistake or a repeated key at line 3"),
        ("auth: {api_secret: *canary}", "SAYNA_CONFIG has a mistake or a repeated key at line 1"),
        ("auth: !!python/object:canary {}", "SAYNA_CONFIG has a mistake or a repeated key at line 1"),
        ("server: !!map [canary]", "SAYNA_CONFIG has a mistake or a repeated key; set"),
        ("server: \x07", "SAYNA_CONFIG has a mistake or a repeated key; set"),
        ("server: {port: &canary [*canary]}", "SAYNA_CONFIG has a mistake or a repeated key; set"),
        ("server: {port: [!!set {canary}]}", "SAYNA_CONFIG has a mistake or a repeated key; set"),
        ("server: {port: high}", "PORT is not a whole number (it is 'high')"),
        ("server: {port: [1, 2]}", "PORT is not a whole number"),
    ],
)
def test_mistake_in_the_file_is_reported_without_quoting_it(text: str, problem: str, tmp_path: Path) -> None:
    first = problems_of(text, tmp_path)[0]
    assert first.startswith(problem)
    assert "canary" not in first


@pytest.mark.parametrize("text", ["", "server:\n", "sip: {hooks: [], hook_secret: ~}", "stt: {provider: x}"])
def test_what_is_empty_or_not_ours_changes_nothing(text: str, tmp_path: Path) -> None:
    config = load(text, tmp_path)
    assert (config.sip, config.auth) == (Config().sip, Config().auth)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"SAYNA_CONFIG": "none.yaml"}, cwd=tmp_path)
    assert caught.value.problems == ["SAYNA_CONFIG cannot be read (FileNotFoundError); set it to a YAML file."]

"""What an operator may mistype, and that each mistake stops the start with a sentence about it."""

import json
from pathlib import Path

import pytest

from sayna.config import ConfigError, load_config

HOOK = {"host": "sip.example.com", "url": "https://hooks.example.com/x", "auth_id": "a"}
SIGNER = "SIP_HOOK_SECRET", "0123456789abcdef"
S3 = {"RECORDING_S3_BUCKET": "bucket", "RECORDING_S3_REGION": "eu-central-1"}

JSON_FILE = Path(__file__).parents[1] / "e2e" / "clients" / "package.json"


def problems(**environ: str) -> list[str]:
    try:
        load_config(environ)
    except ConfigError as error:
        return error.problems
    return []


def secrets(*entries: object) -> dict[str, str]:
    return {"AUTH_REQUIRED": "true", "AUTH_API_SECRETS_JSON": json.dumps(entries)}


def hooks(*entries: object, **more: str) -> dict[str, str]:
    return {"SIP_HOOKS_JSON": json.dumps(entries), "SIP_HOOK_SECRET": "0123456789abcdef", **more}


def numbers(*entries: object) -> dict[str, str]:
    auth = {"AUTH_REQUIRED": "true", "AUTH_API_SECRET": "s"}
    return {"SIP_FROM_NUMBERS_JSON": json.dumps(entries), **auth}


ROWS = [
    ("PORT", "out of range", {"PORT": "0"}),
    ("PORT", "out of range", {"PORT": "65536"}),
    ("PORT", "not a whole number", {"PORT": "3001.5"}),
    ("PORT", "not a whole number", {"PORT": "٣٠٠١"}),
    ("HOST", "wrong form", {"HOST": "a b"}),
    ("BIND", "wrong form", {"BIND": "sayna.sock"}),
    ("BIND", "wrong form", {"BIND": "127.0.0.1:65536"}),
    ("LOG_LEVEL", "unknown", {"LOG_LEVEL": "loud"}),
    ("LOG_FORMAT", "unknown", {"LOG_FORMAT": "xml"}),
    ("FORWARDED_ALLOW_IPS", "holds 'nginx', which is no address", {"FORWARDED_ALLOW_IPS": "127.0.0.1,nginx"}),
    ("VOICES_TIMEOUT_SECONDS", "out of range", {"VOICES_TIMEOUT_SECONDS": "0"}),
    ("VOICES_TIMEOUT_SECONDS", "not a number", {"VOICES_TIMEOUT_SECONDS": "nan"}),
    ("CACHE_MAX_BYTES", "not a whole number", {"CACHE_MAX_BYTES": "1 GiB"}),
    ("CACHE_PATH", "control characters", {"CACHE_PATH": "/var/\x00cache"}),
    ("AUTH_REQUIRED", "neither yes nor no", {"AUTH_REQUIRED": "enabled"}),
    ("AUTH_REQUIRED", "no client could authenticate", {"AUTH_REQUIRED": "on"}),
    ("AUTH_REQUIRED", "no client could authenticate", secrets()),
    ("AUTH_REQUIRED", "not set although AUTH_API_SECRET is", {"AUTH_API_SECRET": "s"}),
    ("AUTH_API_SECRET_ID", "AUTH_API_SECRET is not", {"AUTH_API_SECRET_ID": "a"}),
    ("AUTH_API_SECRETS_JSON", "is not JSON", {"AUTH_REQUIRED": "1", "AUTH_API_SECRETS_JSON": "[{"}),
    ("AUTH_API_SECRETS_JSON", "is not JSON", {"AUTH_REQUIRED": "1", "AUTH_API_SECRETS_JSON": "[" * 99999}),
    ("AUTH_API_SECRETS_JSON", "array of objects", {"AUTH_REQUIRED": "1", "AUTH_API_SECRETS_JSON": '["s"]'}),
    ("AUTH_API_SECRETS_JSON", "name twice",
     {"AUTH_REQUIRED": "1", "AUTH_API_SECRETS_JSON": '[{"id":1,"id":2}]'}),
    ("AUTH_API_SECRETS_JSON", "entry 2, which needs id and", secrets({"id": "a", "secret": "s"}, {"id": "b"})),
    ("AUTH_API_SECRETS_JSON", "nothing else", secrets({"id": "a", "secret": "s", "admin": True})),
    ("AUTH_API_SECRETS_JSON", "not text", secrets({"id": "a", "secret": 7})),
    ("AUTH_API_SECRETS_JSON", "not text", secrets({"id": "a", "secret": "s", "note": 7})),
    ("AUTH_API_SECRETS_JSON", "not a date", secrets({"id": "a", "secret": "s", "expires": "31.12.2027"})),
    ("AUTH_API_SECRETS_JSON", "whole number from 0", secrets({"id": "a", "secret": "s", "characters_per_month": -1})),
    ("AUTH_API_SECRETS_JSON", "whole number from 0", secrets({"id": "a", "secret": "s", "characters_per_month": True})),
    ("AUTH_API_SECRETS_JSON", "whole number from 0", secrets({"id": "a", "secret": "s", "characters_per_month": "9"})),
    ("AUTH_API_SECRETS_JSON", "tenant a different values of characters_per_month", secrets(
        {"id": "a", "secret": "s", "characters_per_month": 1}, {"id": "a", "secret": "t", "characters_per_month": 2})),
    ("AUTH_API_SECRETS_JSON", "not a date", secrets({"id": "a", "secret": "s", "expires": "2027-02-30"})),
    ("AUTH_API_SECRETS_JSON", "not a date", secrets({"id": "a", "secret": "s", "expires": 20271231})),
    ("AUTH_API_SECRETS_JSON", "providers that are not", secrets({"id": "a", "secret": "s", "providers": []})),
    ("AUTH_API_SECRETS_JSON", "providers that are not", secrets({"id": "a", "secret": "s", "providers": "azure"})),
    ("AUTH_API_SECRETS_JSON", "providers that are not", secrets({"id": "a", "secret": "s", "providers": ["siri"]})),
    ("AUTH_API_SECRETS_JSON", "has an id", secrets({"id": " a", "secret": "s"})),
    ("AUTH_API_SECRETS_JSON", "has an id", secrets({"id": "å", "secret": "s"})),
    ("AUTH_API_SECRETS_JSON", "has an id", secrets({"id": "a" * 129, "secret": "s"})),
    ("AUTH_API_SECRETS_JSON", "has an id", secrets({"id": "a\n", "secret": "s"})),
    ("AUTH_API_SECRETS_JSON", "is empty", secrets({"id": "a", "secret": ""})),
    ("AUTH_API_SECRETS_JSON", "outside ASCII", secrets({"id": "a", "secret": "schlüssel"})),
    ("AUTH_API_SECRETS_JSON", "one secret twice",
     secrets({"id": "a", "secret": "s"}, {"id": "a", "secret": "s"})),
    ("AUTH_API_SECRETS_JSON", "one secret twice",
     {**secrets({"id": "a", "secret": "s"}), "AUTH_API_SECRET": "s"}),
    ("AUTH_SERVICE_URL", "come together", {"AUTH_REQUIRED": "1", "AUTH_SERVICE_URL": "https://auth.example"}),
    ("AUTH_SERVICE_URL", "come together", {"AUTH_REQUIRED": "0", "AUTH_SIGNING_KEY_PATH": "/key.pem"}),
    ("AUTH_SERVICE_URL", "without TLS",
     {"AUTH_REQUIRED": "1", "AUTH_SERVICE_URL": "http://auth.example", "AUTH_SIGNING_KEY_PATH": "/key.pem"}),
    ("DEEPGRAM_API_KEY", "line breaks", {"DEEPGRAM_API_KEY": "a b"}),
    ("DEEPGRAM_BASE_URL", "without TLS", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "http://10.0.0.1"}),
    ("DEEPGRAM_BASE_URL", "user name", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://u:canary@h"}),
    ("DEEPGRAM_BASE_URL", "query", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://h/?canary"}),
    ("DEEPGRAM_BASE_URL", "fragment", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://h/#"}),
    ("DEEPGRAM_BASE_URL", "scheme", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "ftp://h"}),
    ("DEEPGRAM_BASE_URL", "usable", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://"}),
    ("DEEPGRAM_BASE_URL", "usable", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://h:99999"}),
    ("DEEPGRAM_BASE_URL", "usable", {"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": "https://h\\@evil"}),
    ("DEEPGRAM_BASE_URL", "DEEPGRAM_API_KEY is not", {"DEEPGRAM_BASE_URL": "https://h"}),
    ("ELEVENLABS_BASE_URL", "ELEVENLABS_API_KEY is not", {"ELEVENLABS_BASE_URL": "https://h"}),
    ("CARTESIA_BASE_URL", "CARTESIA_API_KEY is not", {"CARTESIA_BASE_URL": "https://h"}),
    ("AZURE_SPEECH_REGION", "KEY is not", {"AZURE_SPEECH_REGION": "westeurope"}),
    ("AZURE_SPEECH_BASE_URL", "KEY is not", {"AZURE_SPEECH_BASE_URL": "https://h"}),
    ("AZURE_SPEECH_REGION", "wrong form",
     {"AZURE_SPEECH_SUBSCRIPTION_KEY": "k", "AZURE_SPEECH_REGION": "10.0.0.5:8443/x?"}),
    ("GOOGLE_TOKEN_URL", "CREDENTIALS is not", {"GOOGLE_TOKEN_URL": "https://h"}),
    ("GOOGLE_APPLICATION_CREDENTIALS", "no JSON object", {"GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file"}),
    ("GOOGLE_APPLICATION_CREDENTIALS", "no JSON object", {"GOOGLE_APPLICATION_CREDENTIALS": '{"t": canary'}),
    ("OPENAI_BASE_URL", "OPENAI_API_KEY is not", {"OPENAI_BASE_URL": "https://api.openai.com/v1"}),
    ("POLLY_ENDPOINT_URL", "POLLY_ENABLED is not", {"POLLY_ENDPOINT_URL": "https://h"}),
    ("AWS_ACCESS_KEY_ID", "come together", {"POLLY_ENABLED": "true", "AWS_ACCESS_KEY_ID": "canary"}),
    ("PIPER_VOICES_PATH", "not a folder", {"PIPER_VOICES_PATH": "/no/such/folder"}),
    ("LEXICON_PATH", "not a folder", {"LEXICON_PATH": "/no/such/folder"}),
    ("LEXICON_PATH", "not a folder", {"LEXICON_PATH": "/" + "x" * 300}),
    ("OUTBOUND_PROXY", "speaks plain HTTP with the proxy", {"OUTBOUND_PROXY": "https://u:canary@proxy.example"}),
    ("DEFAULT_TTS_PROVIDER", "unknown", {"DEFAULT_TTS_PROVIDER": "siri"}),
    ("DEFAULT_TTS_PROVIDER", "is azure, which is not", {"DEFAULT_TTS_PROVIDER": "microsoft-azure"}),
    ("DEFAULT_TTS_PROVIDER", "not configured", {"DEFAULT_TTS_PROVIDER": "espeak", "ESPEAK_ENABLED": "no"}),
    ("LIVEKIT_API_KEY", "come together", {"LIVEKIT_API_KEY": "k"}),
    ("LIVEKIT_API_KEY", "come together", {"LIVEKIT_API_SECRET": "canary"}),
    ("LIVEKIT_URL", "scheme", {"LIVEKIT_URL": "redis://h"}),
    ("RECORDING_PREFIX", "dotted part", {"RECORDING_PREFIX": "a/../b"}),
    ("RECORDING_PREFIX", "wrong form", {"RECORDING_PREFIX": "a b"}),
    ("RECORDING_BACKEND", "unknown", {"RECORDING_BACKEND": "ftp"}),
    ("RECORDING_BACKEND", "is not set but", {**S3, "RECORDING_LOCAL_PATH": "/recordings"}),
    ("RECORDING_S3_BUCKET", "is missing", {"RECORDING_BACKEND": "s3", "RECORDING_S3_REGION": "eu-central-1"}),
    ("RECORDING_S3_REGION", "is missing", {"RECORDING_S3_BUCKET": "bucket"}),
    ("RECORDING_S3_ACCESS_KEY", "come together", {**S3, "RECORDING_S3_ACCESS_KEY": "canary"}),
    ("RECORDING_S3_ENDPOINT", "is set but no bucket is", {"RECORDING_S3_ENDPOINT": "http://minio:9000"}),
    ("RECORDING_GCS_BUCKET", "is missing",
     {"RECORDING_BACKEND": "gcs", "RECORDING_GCS_CREDENTIALS_JSON": "{}"}),
    ("RECORDING_GCS_CREDENTIALS_PATH", "both set or both missing", {"RECORDING_GCS_BUCKET": "bucket"}),
    ("RECORDING_GCS_CREDENTIALS_PATH", "not the path of",
     {"RECORDING_GCS_BUCKET": "bucket", "RECORDING_GCS_CREDENTIALS_PATH": "/no/such/file"}),
    ("RECORDING_GCS_CREDENTIALS_PATH", "not the path of",
     {"RECORDING_GCS_BUCKET": "bucket", "RECORDING_GCS_CREDENTIALS_PATH": '{"canary": 1}'}),
    ("RECORDING_GCS_CREDENTIALS_JSON", "not a JSON object",
     {"RECORDING_GCS_BUCKET": "bucket", "RECORDING_GCS_CREDENTIALS_JSON": str(JSON_FILE)}),
    ("RECORDING_GCS_CREDENTIALS_JSON", "not a JSON object",
     {"RECORDING_GCS_BUCKET": "bucket", "RECORDING_GCS_CREDENTIALS_JSON": "canary"}),
    ("RECORDING_LOCAL_PATH", "is missing", {"RECORDING_BACKEND": "local"}),
    ("SIP_ROOM_PREFIX", "wrong form", {"SIP_ROOM_PREFIX": "sip/é", "SIP_ALLOWED_ADDRESSES": "10.0.0.1"}),
    ("SIP_ROOM_PREFIX", "come together", {"SIP_ROOM_PREFIX": "sip-"}),
    ("SIP_ROOM_PREFIX", "come together", {"SIP_ALLOWED_ADDRESSES": "10.0.0.1"}),
    ("SIP_ALLOWED_ADDRESSES", "holds '256.0.0.1', which",
     {"SIP_ROOM_PREFIX": "sip-", "SIP_ALLOWED_ADDRESSES": "10.0.0.0/8, 256.0.0.1"}),
    ("SIP_OUTBOUND_ADDRESS", "wrong form", {"SIP_OUTBOUND_ADDRESS": "sip:u@h"}),
    ("SIP_OUTBOUND_ADDRESS", "wrong form", {"SIP_OUTBOUND_ADDRESS": "127.0.0.1:99999"}),
    ("SIP_OUTBOUND_ADDRESS", "wrong form", {"SIP_OUTBOUND_ADDRESS": "pbx:0"}),
    ("SIP_OUTBOUND_ADDRESS", "IPv6", {"SIP_OUTBOUND_ADDRESS": "[::1]:5060"}),
    ("SIP_OUTBOUND_ADDRESS", "IPv6", {"SIP_OUTBOUND_ADDRESS": "fd00::5"}),
    ("SIP_OUTBOUND_ADDRESS", "another transport", {"SIP_OUTBOUND_ADDRESS": "sips:pbx;transport=tcp"}),
    ("SIP_OUTBOUND_TRANSPORT", "two transports",
     {"SIP_OUTBOUND_ADDRESS": "sips:pbx", "SIP_OUTBOUND_TRANSPORT": "udp"}),
    ("SIP_OUTBOUND_ENCRYPTION", "unknown", {"SIP_OUTBOUND_ENCRYPTION": "srtp"}),
    ("SIP_OWN_ADDRESSES", "wrong form", {"SIP_OWN_ADDRESSES": "10.0.0.1, a b"}),
    ("LIVEKIT_MAX_PARTICIPANTS", "out of range", {"LIVEKIT_MAX_PARTICIPANTS": "0"}),
    ("SIP_OUTBOUND_AUTH_USERNAME", "come together", {"SIP_OUTBOUND_AUTH_PASSWORD": "canary"}),
    ("SIP_OUTBOUND_AUTH_PASSWORD", "control characters",
     {"SIP_OUTBOUND_AUTH_USERNAME": "u", "SIP_OUTBOUND_AUTH_PASSWORD": "canary\nx"}),
    ("SIP_HOOK_SECRET", "too short", {"SIP_HOOK_SECRET": "canary"}),
    ("SIP_HOOK_SECRET", "is missing for the hook", {"SIP_HOOKS_JSON": json.dumps([HOOK])}),
    ("SIP_HOOKS_JSON", "needs host and url", hooks({"host": "a.example"})),
    ("SIP_HOOKS_JSON", "needs host and url", hooks({**HOOK, "tenant": "a"})),
    ("SIP_HOOKS_JSON", "not text", hooks({**HOOK, "auth_id": 7})),
    ("SIP_HOOKS_JSON", "no host name", hooks({**HOOK, "host": "-.example"})),
    ("SIP_HOOKS_JSON", "no tenant id", hooks({**HOOK, "auth_id": " a"})),
    ("SIP_HOOKS_JSON", "too short", hooks({**HOOK, "secret": "canary"})),
    ("SIP_HOOKS_JSON", "user name", hooks({**HOOK, "url": "https://u:canary@h"})),
    ("SIP_HOOKS_JSON", "more than once", hooks(HOOK, {**HOOK, "host": "SIP.Example.com."})),
    ("SIP_HOOKS_JSON", "without https", hooks({**HOOK, "url": "http://hooks.example.com"})),
    ("SIP_HOOKS_JSON", "private network", hooks({**HOOK, "url": "https://10.0.0.1"})),
    ("SIP_HOOKS_JSON", "private network", hooks({**HOOK, "url": "https://localhost"})),
    ("SIP_HOOKS_JSON", "no auth_id",
     {**hooks({"host": "a.example", "url": "https://h"}), "AUTH_REQUIRED": "1", "AUTH_API_SECRET": "s"}),
    ("SIP_FROM_NUMBERS_JSON", "not just an auth_id", numbers({"auth_id": "a"})),
    ("SIP_FROM_NUMBERS_JSON", "not just an auth_id", numbers({"auth_id": "a", "numbers": "+49"})),
    ("SIP_FROM_NUMBERS_JSON", "no tenant id", numbers({"auth_id": " a", "numbers": []})),
    ("SIP_FROM_NUMBERS_JSON", "has a number", numbers({"auth_id": "a", "numbers": [4930]})),
    ("SIP_FROM_NUMBERS_JSON", "has a number", numbers({"auth_id": "a", "numbers": ["+49 30"]})),
    ("SIP_FROM_NUMBERS_JSON", "more than once",
     numbers({"auth_id": "a", "numbers": []}, {"auth_id": "a", "numbers": ["1"]})),
    ("SIP_FROM_NUMBERS_JSON", "without tenants",
     {"SIP_FROM_NUMBERS_JSON": '[{"auth_id": "a", "numbers": ["1"]}]'}),
    ("TLS_CA_FILE", "not a readable file", {"TLS_CA_FILE": "/no/such/file"}),
    ("TLS_CA_FILE", "not a readable file", {"TLS_CA_FILE": "/"}),
    ("TLS_CA_FILE", "not a readable file", {"TLS_CA_FILE": __file__}),
    ("SSL_CERT_FILE", "not a readable file", {"SSL_CERT_FILE": "/no/such/file"}),
    ("REQUESTS_CA_BUNDLE", "not a readable file", {"REQUESTS_CA_BUNDLE": "/"}),
    ("SIP_X_TO_IP_TRUNKS", "holds 'ST 1'", {"SIP_X_TO_IP_TRUNKS": "ST_1, ST 1"}),
    ("SIP_HOOK_SECRET_SCOPE", "unknown", {"SIP_HOOK_SECRET_SCOPE": "tenant"}),
    ("SIP_DENIED_DESTINATIONS", "holds '+49x'", {"SIP_DENIED_DESTINATIONS": "+44,+49x"}),
    ("SIP_OVERRIDE_ADDRESSES", "no address", {"SIP_OVERRIDE_ADDRESSES": "a.example, a b"}),
    ("SIP_MAX_CONCURRENT_CALLS", "out of range", {"SIP_MAX_CONCURRENT_CALLS": "0"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fragment", "environ"), ROWS)
def test_mistake_names_its_variable_once_and_no_secret(name: str, fragment: str, environ: dict[str, str]) -> None:
    found = problems(**environ)
    assert len(found) == 1, found
    assert found[0].startswith(name)
    assert fragment in found[0]
    assert " set" in found[0]
    assert found[0].endswith(".")
    assert "canary" not in found[0]


def test_all_problems_are_told_in_one_message() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"PORT": "x", "AUTH_REQUIRED": "maybe", "SIP_CALLS_PER_MINUTE": "-1"})
    found = caught.value.problems
    assert [line.split()[0] for line in found] == ["PORT", "AUTH_REQUIRED", "SIP_CALLS_PER_MINUTE"]
    assert all(line in str(caught.value) for line in found)


def test_every_bad_entry_of_a_list_is_reported() -> None:
    bad = {"id": "", "secret": "canary"}
    found = problems(**secrets(bad, {"id": "a", "secret": "s"}, bad), FORWARDED_ALLOW_IPS="x,::1,y")
    assert [line.split(",")[0] for line in found] == [
        "FORWARDED_ALLOW_IPS holds 'x'",
        "FORWARDED_ALLOW_IPS holds 'y'",
        "AUTH_API_SECRETS_JSON holds entry 1",
        "AUTH_API_SECRETS_JSON holds entry 3",
    ]

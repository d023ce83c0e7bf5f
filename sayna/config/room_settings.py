"""The settings of the LiveKit server, and of the storage of recordings."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sayna.config.fields import InvalidValue, SettingType, require_both, setting
from sayna.config.sources import is_json_file, is_json_object
from sayna.config.types import Secret, boolean, choice, integer, matching, number, path, token
from sayna.config.urls import anywhere, cloud, livekit

# Google's names may have 222 characters with dots in them, Amazon's 63:
# https://cloud.google.com/storage/docs/buckets#naming
_bucket = matching(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}", "the name of a bucket")


@dataclass(frozen=True, slots=True)
class LiveKitConfig:
    """The LiveKit server; its URL may be of the ws or the http form."""

    url: str = setting("LIVEKIT_URL", livekit, "ws://localhost:7880")
    # Behind a proxy, or in containers, clients reach LiveKit under another name than this server.
    public_url_setting: str | None = setting("LIVEKIT_PUBLIC_URL", livekit, None, shown="LIVEKIT_URL")
    api_key: Secret | None = setting("LIVEKIT_API_KEY", token, None)
    api_secret: Secret | None = setting("LIVEKIT_API_SECRET", token, None)
    # LiveKit's SDKs default to six hours, but its open-source server cannot revoke a token before it expires.
    token_ttl_seconds: int = setting("LIVEKIT_TOKEN_TTL_SECONDS", integer(1, 86400), 3600)
    timeout_seconds: float = setting("LIVEKIT_TIMEOUT_SECONDS", number(0.1, 60), 5.0)

    token_metadata_updates: bool = setting("LIVEKIT_TOKEN_METADATA_UPDATES", boolean, False)
    empty_timeout_seconds: int | None = setting("LIVEKIT_EMPTY_TIMEOUT_SECONDS", integer(1, 86400), None)
    departure_timeout_seconds: int | None = setting("LIVEKIT_DEPARTURE_TIMEOUT_SECONDS", integer(1, 86400), None)
    max_participants: int | None = setting("LIVEKIT_MAX_PARTICIPANTS", integer(1, 100_000), None)

    @property
    def room_options(self) -> dict[str, int]:
        """The settings of new rooms that are set, by LiveKit's names."""
        options = {
            "empty_timeout": self.empty_timeout_seconds,
            "departure_timeout": self.departure_timeout_seconds,
            "max_participants": self.max_participants,
        }
        return {name: value for name, value in options.items() if value is not None}

    @property
    def public_url(self) -> str:
        """The URL for clients; `url` unless another was set."""
        return self.public_url_setting or self.url

    @property
    def configured(self) -> bool:
        """Whether this server holds LiveKit's key and secret."""
        return self.api_key is not None and self.api_secret is not None

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence when only one of key and secret is there."""
        yield from require_both(given, "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")


def _prefix(text: str) -> str:
    prefix = text.strip("/")
    # Proxies in front of S3 normalize such parts, so the key would name another object.
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise InvalidValue("has an empty or dotted part")
    return matching(r"[A-Za-z0-9._=/-]*", "").parse(prefix)


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """One backend: S3 (or a server like it), Google Cloud Storage, or a folder."""

    prefix: str = setting("RECORDING_PREFIX", SettingType(_prefix, "a path of letters, digits and . _ = -"), "")
    # Off, because recordings of the reference server have no owner: no tenant could read them.
    strict_ownership: bool = setting("RECORDING_STRICT_OWNERSHIP", boolean, False)
    backend_setting: str | None = setting(
        "RECORDING_BACKEND",
        choice("s3", "gcs", "local"),
        None,
        yaml="recording.backend.type",
        shown="found from the settings below",
    )
    s3_bucket: str | None = setting("RECORDING_S3_BUCKET", _bucket, None)
    s3_region: str = setting(
        "RECORDING_S3_REGION",
        matching("[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "the name of a region, such as eu-central-1 or RegionOne"),
        "us-east-1",
    )
    s3_access_key: Secret | None = setting("RECORDING_S3_ACCESS_KEY", token, None)
    s3_secret_key: Secret | None = setting("RECORDING_S3_SECRET_KEY", token, None)
    s3_session_token: Secret | None = setting("RECORDING_S3_SESSION_TOKEN", token, None)
    s3_endpoint: str | None = setting("RECORDING_S3_ENDPOINT", anywhere, None)
    s3_force_path_style: bool = setting("RECORDING_S3_FORCE_PATH_STYLE", boolean, False)
    gcs_bucket: str | None = setting("RECORDING_GCS_BUCKET", _bucket, None)
    gcs_credentials_path: Path | None = setting("RECORDING_GCS_CREDENTIALS_PATH", path, None)
    gcs_credentials_json: Secret | None = setting(
        "RECORDING_GCS_CREDENTIALS_JSON", SettingType(Secret, "the JSON of a service account", secret=True), None
    )
    gcs_endpoint: str = setting("RECORDING_GCS_ENDPOINT", cloud, "https://storage.googleapis.com")
    local_path: Path | None = setting("RECORDING_LOCAL_PATH", path, None)
    retention_days: int | None = setting("RECORDING_RETENTION_DAYS", integer(1, 36_500), None, shown="never")
    accel_prefix: str | None = setting(
        "RECORDING_ACCEL_PREFIX", matching(r"/[A-Za-z0-9._/-]*", "a location of nginx such as /recordings"), None
    )

    @property
    def backend(self) -> str | None:
        """The backend that was set, else the one with a bucket or a folder, else None."""
        places = {"s3": self.s3_bucket, "gcs": self.gcs_bucket, "local": self.local_path}
        return self.backend_setting or next((name for name, place in places.items() if place), None)

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for an ambiguous backend and for missing settings."""
        chosen = given & {"RECORDING_S3_BUCKET", "RECORDING_GCS_BUCKET", "RECORDING_LOCAL_PATH"}
        if "RECORDING_BACKEND" not in given and len(chosen) > 1:
            yield f"RECORDING_BACKEND is not set but {' and '.join(sorted(chosen))} are; set it."
        pieces = [name for name in sorted(given) if name.startswith(("RECORDING_S3_", "RECORDING_GCS_"))]
        if pieces and not chosen and "RECORDING_BACKEND" not in given:
            yield f"{pieces[0]} is set but no bucket is; set RECORDING_S3_BUCKET or RECORDING_GCS_BUCKET."
        if self.backend == "s3":
            yield from self._s3(given)
        if self.backend == "gcs":
            yield from self._gcs(given)
        if self.backend == "local" and "RECORDING_LOCAL_PATH" not in given:
            yield "RECORDING_LOCAL_PATH is missing; set it to the folder of the recordings."

    def _s3(self, given: frozenset[str]) -> Iterator[str]:
        if "RECORDING_S3_BUCKET" not in given:
            yield "RECORDING_S3_BUCKET is missing; set it to the name of the bucket."
        # Servers other than Amazon's accept any region in a signature; us-east-1 is the usual one.
        if not {"RECORDING_S3_REGION", "RECORDING_S3_ENDPOINT"} & given:
            yield "RECORDING_S3_REGION is missing; set it, or RECORDING_S3_ENDPOINT for a server of your own."
        yield from require_both(given, "RECORDING_S3_ACCESS_KEY", "RECORDING_S3_SECRET_KEY")
        if "RECORDING_S3_SESSION_TOKEN" in given and "RECORDING_S3_ACCESS_KEY" not in given:
            yield "RECORDING_S3_SESSION_TOKEN is set without its keys; set RECORDING_S3_ACCESS_KEY and _SECRET_KEY."

    def _gcs(self, given: frozenset[str]) -> Iterator[str]:
        path, text = "RECORDING_GCS_CREDENTIALS_PATH", "RECORDING_GCS_CREDENTIALS_JSON"
        if "RECORDING_GCS_BUCKET" not in given:
            yield "RECORDING_GCS_BUCKET is missing; set it to the name of the bucket."
        # LiveKit egress needs the credentials themselves, so the account of the machine is not enough.
        if (path in given) == (text in given):
            yield f"{path} and {text} are both set or both missing; set exactly one of the two."
        if self.gcs_credentials_path and not is_json_file(self.gcs_credentials_path):
            yield f"{path} is not the path of a JSON object; set it to the file of the service account."
        if self.gcs_credentials_json and not is_json_object(self.gcs_credentials_json.reveal()):
            yield f"{text} is not a JSON object; set it to the service account itself."

"""Where LiveKit's egress writes each recording: a key of the store, or a path on a disk that it shares with Sayna."""

from sayna.config import RecordingConfig
from sayna.storage.base import KEY_PART

AUDIO = "audio.ogg"


class EgressPaths:
    """Translates a stream_id into the path that the egress gets, and such a path back."""

    def __init__(self, config: RecordingConfig) -> None:
        folder = f"{config.local_path.absolute()}/" if config.backend == "local" and config.local_path else ""
        self._base = f"{folder}{config.prefix}/" if config.prefix else folder

    def path(self, stream_id: str) -> str:
        """Return the path of the audio."""
        return f"{self._base}{stream_id}/{AUDIO}"

    def stream_id(self, path: str) -> str | None:
        """Return the stream_id of a path, or None for a path that Sayna never gives to an egress."""
        name, _, file = path.removeprefix(self._base).partition("/")
        belongs = path.startswith(self._base) and file == AUDIO and KEY_PART.fullmatch(name)
        return name if belongs else None

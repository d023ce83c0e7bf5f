"""What a run of audio bytes is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """What a run of audio bytes is: format name of the contract, sample rate in Hz, channels."""

    audio_format: str
    sample_rate: int
    channels: int = 1

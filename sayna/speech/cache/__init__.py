"""The audio cache: clips in memory and on disk, within the time and the bytes of the configuration."""

from sayna.speech.cache.audio_cache import AudioCache
from sayna.speech.cache.clip import SCHEMA_VERSION, Clip, ClipInfo, cache_key, form_key
from sayna.speech.cache.stats import CacheStats, VerifyReport

__all__ = ["SCHEMA_VERSION", "AudioCache", "CacheStats", "Clip", "ClipInfo", "VerifyReport", "cache_key", "form_key"]

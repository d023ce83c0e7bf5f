"""Rendered clips, kept in memory and on disk for as long and as large as the configuration says."""

from sayna.tts.cache.audio_cache import AudioCache
from sayna.tts.cache.census import CacheStats, VerifyReport
from sayna.tts.cache.clip import SCHEMA_VERSION, Clip, ClipInfo, cache_key

__all__ = ["SCHEMA_VERSION", "AudioCache", "CacheStats", "Clip", "ClipInfo", "VerifyReport", "cache_key"]

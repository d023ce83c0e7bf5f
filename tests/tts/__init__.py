"""Tests of sayna.tts."""

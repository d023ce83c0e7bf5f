"""Tests of the audio cache."""

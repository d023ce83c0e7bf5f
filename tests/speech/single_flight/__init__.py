"""Tests of the single flight."""

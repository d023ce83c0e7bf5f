"""Tests of sayna.providers."""

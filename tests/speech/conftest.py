"""Tests of the speech package read its warnings."""

import logging

import pytest


@pytest.fixture(autouse=True)
def warnings_are_captured(caplog: pytest.LogCaptureFixture) -> None:
    """Capture warnings, also after a test whose application has set LOG_LEVEL higher."""
    caplog.set_level(logging.WARNING)

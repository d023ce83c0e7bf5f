"""Tests of the embedded engine, with the real library."""

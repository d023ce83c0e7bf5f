"""Benchmarks: every figure is a ratio against a floor that was measured in the same interleaved run."""

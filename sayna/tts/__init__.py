"""The speech vendors and what stands between them and the wire."""

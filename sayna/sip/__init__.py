"""Telephony: calls out, their limits, and signed events about inbound calls."""

"""Accounts and tokens of cloud platforms, which speech and recordings share."""

"""Requests and responses, one file a subject."""

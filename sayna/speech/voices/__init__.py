"""GET /voices below HTTP: the voice lists of all providers, fetched in parallel, kept on disk, in one form."""

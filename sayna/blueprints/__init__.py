"""HTTP: one blueprint per endpoint."""

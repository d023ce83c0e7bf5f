"""The bodies that the wire accepts."""

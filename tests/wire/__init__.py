"""Vendors and servers faked at the wire: they fail the test when a request is not what is documented."""

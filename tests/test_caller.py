"""Which resources a caller may access."""

import pytest

from sayna.caller import UNRESTRICTED, Caller


@pytest.mark.parametrize(
    ("caller", "owner", "allowed"),
    [
        (UNRESTRICTED, None, True),
        (UNRESTRICTED, "tenant-a", True),
        (Caller("tenant-a"), "tenant-a", True),
        (Caller("tenant-a"), "tenant-b", False),
        (Caller("tenant-a"), "Tenant-A", False),
        (Caller("tenant-a"), "tenant-a ", False),
        (Caller("tenant-a"), None, False),
        (Caller(), None, True),
        (Caller(), "tenant-a", False),
        (Caller(), "", False),
    ],
)
def test_caller_accesses_only_its_own_resources(caller: Caller, owner: str | None, allowed: bool) -> None:
    assert caller.may_access(owner) is allowed

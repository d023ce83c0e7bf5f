"""Whose a room is: its metadata is a JSON object whose `auth_id` is a string."""

import json

NOBODY_AT_ALL = ""  # no tenant has this id, so what it owns is closed to all tenants


def owner_of(metadata: str) -> str | None:
    """Return the tenant that a room's metadata names, or None for a room that has no owner.

    Metadata that names two owners, or hides them too deep to be read, belongs to nobody at all.
    """
    try:
        members = json.loads(metadata, object_pairs_hook=_members)
    except RecursionError:
        # Not None: such a room would be open to every caller without a tenant.
        return NOBODY_AT_ALL
    except ValueError:
        return None
    owner = members.get("auth_id") if isinstance(members, dict) else None
    return owner if isinstance(owner, str) else None


def metadata_for(tenant: str | None) -> str:
    """Return the metadata of a new room."""
    return "" if tenant is None else json.dumps({"auth_id": tenant}, separators=(",", ":"))


def claimed(metadata: str, tenant: str) -> str | None:
    """Return an unowned room's metadata with its new owner, or None when an owner cannot be added to it."""
    try:
        members = json.loads(metadata) if metadata.strip() else {}
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    return json.dumps({**members, "auth_id": tenant}, separators=(",", ":"))


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if sum(name == "auth_id" for name, _ in pairs) > 1:
        # Another reader of this metadata may take the other of the two.
        members["auth_id"] = NOBODY_AT_ALL
    return members

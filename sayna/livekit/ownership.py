"""The owner of a room: its metadata is a JSON object whose `auth_id` is a string."""

import json

NO_TENANT = ""  # no tenant has this id, so rooms with this owner are closed to all tenants


def owner_of(metadata: str) -> str | None:
    """Return the tenant that a room's metadata names, or None for a room that has no owner.

    Metadata that names two owners, or that is nested too deep to read, gives NO_TENANT.
    """
    try:
        members = json.loads(metadata, object_pairs_hook=_members)
    except RecursionError:
        # Not None, because every caller without a tenant could access such a room.
        return NO_TENANT
    except ValueError:
        return None
    owner = members.get("auth_id") if isinstance(members, dict) else None
    return owner if isinstance(owner, str) else None


def metadata_for(tenant: str | None) -> str:
    """Return the metadata of a new room."""
    return "" if tenant is None else json.dumps({"auth_id": tenant}, separators=(",", ":"))


def claimed(metadata: str, tenant: str) -> str | None:
    """Return the metadata of an unowned room with its new owner, or None when it is no JSON object."""
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
        # Another reader of this metadata may use the other one of the two.
        members["auth_id"] = NO_TENANT
    return members

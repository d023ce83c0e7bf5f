"""Create or correct LiveKit's inbound trunk and dispatch rule.

The name tells which trunk and rule belong to Sayna. Those of an earlier SIP_ROOM_PREFIX are corrected, because
LiveKit refuses a second trunk for all numbers. Other fields that an operator has set stay as they are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

from livekit import api
from livekit.protocol import sip

from sayna.livekit.rpc import Rpc
from sayna.livekit.twirp import answer

TRUNK = re.compile(r"sayna-.+-trunk")
RULE = re.compile(r"sayna-.+-dispatch")
NEW = "(new)"

Named = TypeVar("Named", sip.SIPInboundTrunkInfo, sip.SIPDispatchRuleInfo)


async def provision(rpc: Rpc, prefix: str, addresses: Sequence[str], *, dry_run: bool) -> list[str]:
    """Return one sentence for each thing that was, or would be, created or corrected."""
    done: list[str] = []
    trunk_id = await _trunk(rpc, prefix, addresses, done, dry_run=dry_run)
    await _rule(rpc, prefix, trunk_id, done, dry_run=dry_run)
    return done


async def _trunk(rpc: Rpc, prefix: str, addresses: Sequence[str], done: list[str], *, dry_run: bool) -> str:
    name = f"sayna-{prefix}-trunk"
    listed = await answer(rpc.sip.list_inbound_trunk(sip.ListSIPInboundTrunkRequest()))
    found = _ours(listed.items, name, TRUNK)
    wanted = sip.SIPInboundTrunkInfo()
    wanted.CopyFrom(found or wanted)
    wanted.name = name
    # A call's SIP headers hold its domain, which decides which hook gets the event.
    wanted.include_headers = sip.SIPHeaderOptions.SIP_ALL_HEADERS
    wanted.allowed_addresses[:] = addresses
    if found == wanted:
        return found.sip_trunk_id
    done.append(f"{_verb(found)} inbound trunk {name} for {', '.join(addresses)}")
    if dry_run:
        return found.sip_trunk_id if found else NEW
    if found is None:
        created = api.CreateSIPInboundTrunkRequest(trunk=wanted)
        return (await answer(rpc.sip.create_inbound_trunk(created))).sip_trunk_id
    await answer(rpc.sip.update_inbound_trunk(found.sip_trunk_id, wanted))
    return found.sip_trunk_id


async def _rule(rpc: Rpc, prefix: str, trunk_id: str, done: list[str], *, dry_run: bool) -> None:
    name = f"sayna-{prefix}-dispatch"
    listed = await answer(rpc.sip.list_dispatch_rule(sip.ListSIPDispatchRuleRequest()))
    found = _ours(listed.items, name, RULE)
    wanted = sip.SIPDispatchRuleInfo()
    wanted.CopyFrom(found or wanted)
    wanted.name = name
    # A rule without trunks catches the calls of every trunk of the project.
    wanted.trunk_ids[:] = [trunk_id]
    # Individual: each call gets its own room, which LiveKit names prefix_caller_random.
    wanted.rule.dispatch_rule_individual.room_prefix = prefix
    wanted.rule.dispatch_rule_individual.pin = ""
    if found == wanted:
        return
    done.append(f"{_verb(found)} dispatch rule {name}: rooms named {prefix}_...")
    if dry_run:
        return
    if found is None:
        await answer(rpc.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=wanted)))
    else:
        await answer(rpc.sip.update_dispatch_rule(found.sip_dispatch_rule_id, wanted))


def _ours(items: Iterable[Named], name: str, pattern: re.Pattern[str]) -> Named | None:
    """Return the item of this name, otherwise one that an earlier setting left."""
    ours = sorted((item for item in items if pattern.fullmatch(item.name)), key=lambda item: item.name != name)
    return ours[0] if ours else None


def _verb(found: object) -> str:
    return "create" if found is None else "correct"

"""Everything that workers share, in files of one folder: no other program is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sayna.config import Config
from sayna.state.blobs import FileBlobStore
from sayna.state.call_keys import SQLiteCounter, SQLiteOnce
from sayna.state.files import Check
from sayna.state.leader import FileLeader
from sayna.state.locks import FileLocks, FileSlots
from sayna.state.outbox import SQLiteOutbox
from sayna.state.ports import BlobStore, Counter, Leader, Lock, Once, Outbox, Records, Slots, UsageStore
from sayna.state.records import SQLiteRecords
from sayna.state.speech_ports import Broadcasts, ClipChanges, ClipStore
from sayna.state.usage_table import SQLiteUsage

MAX_EVENT_IDS = 500_000
EVENT_WAIT = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class SharedState:
    """The ports of one server; `hooks` is None where nothing survives the server.

    `machine_leader` elects one worker of each machine, for jobs on its files. `check` says whether what several
    machines share can be used, `off` with one machine; `facts` are the settings of its server.
    """

    rooms: Lock
    event_ids: Once
    call_keys: Once
    identities: Lock
    calls: Counter
    call_records: Records
    outbox: Outbox
    hooks: BlobStore | None
    leader: Leader
    usage: UsageStore
    slots: Slots
    machine_leader: Leader
    check: Callable[[], Check]
    facts: Callable[[], Mapping[str, str]]
    # Of several machines: who synthesizes, the clips unless they are in the storage of recordings, and their changes.
    broadcasts: Broadcasts | None = None
    clips: ClipStore | None = None
    clip_changes: ClipChanges | None = None


def embedded_state(config: Config, folder: Path) -> SharedState:
    """Return the state in `folder`; no file is opened before its first use."""
    livekit, sip = folder / "livekit", folder / "sip"
    return SharedState(
        rooms=FileLocks(livekit, "room"),
        event_ids=SQLiteOnce(
            livekit, "events", FileLocks(livekit, "event"), wait_seconds=EVENT_WAIT, max_keys=MAX_EVENT_IDS
        ),
        # The second request of a key waits for the first: for the room, its claim and the dial.
        call_keys=SQLiteOnce(sip, "answers", FileLocks(sip, "answer"), wait_seconds=3 * config.livekit.timeout_seconds),
        identities=FileLocks(sip, "identity"),
        calls=SQLiteCounter(sip, per_minute=config.sip.calls_per_minute, at_a_time=config.sip.max_concurrent_calls),
        call_records=SQLiteRecords(sip, "history"),
        outbox=SQLiteOutbox(sip),
        hooks=FileBlobStore(config.cache.path) if config.cache.path else None,
        leader=(leader := FileLeader(sip)),
        machine_leader=leader,
        check=lambda: "off",
        facts=dict,
        usage=SQLiteUsage(folder / "usage"),
        slots=FileSlots(folder / "slots"),
    )

"""A LiveKit room service at the wire, for cases that the real one cannot produce.

Twirp over HTTP/1.1: protobuf in, protobuf or a JSON error out. `complaints` holds the requests that the real
server would refuse: another path or type, a token with a wrong key, or without the grant for the method.
"""

# ruff: noqa: N802 - methods have LiveKit's names

import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from livekit import api
from livekit.protocol import models

from tests.wire.served import Served

KEY = "devkey"
SECRET = "0123456789abcdef0123456789abcdef"

# The message of each method, and the grant that LiveKit requires for it.
METHODS: dict[str, tuple[Any, str]] = {
    "ListRooms": (api.ListRoomsRequest, "roomList"),
    "CreateRoom": (api.CreateRoomRequest, "roomCreate"),
    "UpdateRoomMetadata": (api.UpdateRoomMetadataRequest, "roomAdmin"),
    "ListParticipants": (api.ListParticipantsRequest, "roomAdmin"),
    "GetParticipant": (api.RoomParticipantIdentity, "roomAdmin"),
    "RemoveParticipant": (api.RoomParticipantIdentity, "roomAdmin"),
    "MutePublishedTrack": (api.MuteRoomTrackRequest, "roomAdmin"),
    "CreateSIPParticipant": (api.CreateSIPParticipantRequest, "call"),
    "TransferSIPParticipant": (api.TransferSIPParticipantRequest, "call"),
    "ListSIPInboundTrunk": (api.ListSIPInboundTrunkRequest, "admin"),
    "CreateSIPInboundTrunk": (api.CreateSIPInboundTrunkRequest, "admin"),
    "UpdateSIPInboundTrunk": (api.UpdateSIPInboundTrunkRequest, "admin"),
    "ListSIPDispatchRule": (api.ListSIPDispatchRuleRequest, "admin"),
    "CreateSIPDispatchRule": (api.CreateSIPDispatchRuleRequest, "admin"),
    "UpdateSIPDispatchRule": (api.UpdateSIPDispatchRuleRequest, "admin"),
}
SIP_GRANTS = ("call", "admin")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `drops` closes the connection instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/protobuf"
    location: str | None = None
    drops: bool = False


DROP = Reply(drops=True)
HTML = Reply(200, b"<!doctype html><title>Welcome to nginx!</title>", "text/html")


def refusal(status: int, code: str, message: str = "", **meta: str) -> Reply:
    """Return a Twirp error; `meta` is its metadata."""
    members = {"code": code, "msg": message, **({"meta": meta} if meta else {})}
    return Reply(status, json.dumps(members).encode(), "application/json")


NO_PARTICIPANT = refusal(404, "not_found", "participant does not exist")
Script = Callable[[str, Any], Reply | None]


class FakeLiveKit(Served):
    """Rooms and participants in memory; `script` may answer instead, or wait for `over`.

    As the real server does, the list of rooms shows changed metadata only after `stale_lists` more answers.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.rooms: dict[str, models.Room] = {}
        self.people: dict[str, list[models.ParticipantInfo]] = {}
        self.calls: list[str] = []
        self.complaints: list[str] = []
        self.connections: list[socket.socket] = []
        self.script: Script = lambda method, message: None
        self.over = threading.Event()
        self.stale_lists = 0
        self.clock_offset = 0  # seconds, of the Date header
        self._stale: dict[str, list[models.Room]] = {}
        self._lock = threading.Lock()
        server = _Server(("127.0.0.1", 0), _handler(self))
        self.port = server.server_port
        self._scheme = "wss" if tls else "ws"
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        super().__init__(server)

    @property
    def settings(self) -> dict[str, str]:
        """Sayna's settings for this server."""
        return {
            "LIVEKIT_URL": f"{self._scheme}://127.0.0.1:{self.port}",
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
        }

    def open(self, name: str, metadata: str = "", **fields: Any) -> models.Room:
        """Open a room."""
        room = models.Room(sid=f"RM_{name}", name=name, metadata=metadata, creation_time=1700000000, **fields)
        return self.rooms.setdefault(name, room)

    def join(self, room: str, identity: str, *tracks: str, **fields: Any) -> models.ParticipantInfo:
        """Add a participant that publishes these tracks."""
        info = models.ParticipantInfo(sid=f"PA_{identity}", identity=identity, **fields)
        info.tracks.extend(models.TrackInfo(sid=track) for track in tracks)
        self.people.setdefault(room, []).append(info)
        return info

    def let_go(self) -> None:
        """End the wait of scripts."""
        self.over.set()

    def hang(self, *_: object) -> Reply:
        """Answer nothing until the test lets go; a script for a LiveKit that hangs."""
        self.over.wait(20)
        return DROP

    def cut(self) -> None:
        """Wake the threads that wait for one more request."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, method: str, message: Any) -> Reply:
        """Return the scripted answer, otherwise LiveKit's."""
        with self._lock:
            self.calls.append(method)
        scripted = self.script(method, message)
        if scripted is not None:
            return scripted
        with self._lock:
            found = getattr(self, f"_{method}")(message)
        return found if isinstance(found, Reply) else Reply(body=found.SerializeToString())

    def _ListRooms(self, message: Any) -> Any:
        names = message.names or self.rooms
        rooms = [self._listed(name) for name in names if name in self.rooms]
        return api.ListRoomsResponse(rooms=rooms)

    def _listed(self, name: str) -> models.Room:
        earlier = self._stale.get(name)
        return earlier.pop() if earlier else self.rooms[name]

    def _CreateRoom(self, message: Any) -> Any:
        return self.open(message.name, message.metadata)

    def _UpdateRoomMetadata(self, message: Any) -> Any:
        if message.room not in self.rooms:
            return refusal(404, "not_found", "requested room does not exist")
        earlier = models.Room()
        earlier.CopyFrom(self.rooms[message.room])
        self._stale[message.room] = [earlier] * self.stale_lists
        self.rooms[message.room].metadata = message.metadata
        return self.rooms[message.room]

    def _ListParticipants(self, message: Any) -> Any:
        return api.ListParticipantsResponse(participants=self.people.get(message.room, []))

    def _GetParticipant(self, message: Any) -> Any:
        people = self.people.get(message.room, [])
        return next((info for info in people if info.identity == message.identity), NO_PARTICIPANT)

    def _RemoveParticipant(self, message: Any) -> Any:
        found = self._GetParticipant(message)
        if isinstance(found, Reply):
            return found
        self.people[message.room].remove(found)
        return api.RemoveParticipantResponse()

    def _MutePublishedTrack(self, message: Any) -> Any:
        found = self._GetParticipant(message)
        if isinstance(found, Reply):
            return refusal(503, "unavailable", "no response from servers")
        track = next((track for track in found.tracks if track.sid == message.track_sid), None)
        if track is None:
            return api.MuteRoomTrackResponse()
        track.muted = message.muted
        return api.MuteRoomTrackResponse(track=track)


class _Server(ThreadingHTTPServer):
    """One thread a connection; closed connections are not logged."""

    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(fake: FakeLiveKit) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            fake.connections.append(self.request)
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = self.path.rpartition("/")[2]
            fake.complaints += _complaints(self.path, method, dict(self.headers))
            reply = fake.answer(method, METHODS[method][0].FromString(body))
            if reply.drops:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            if reply.location is not None:
                self.send_header("Location", reply.location)
            self.end_headers()
            self.wfile.write(reply.body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() + fake.clock_offset if timestamp is None else timestamp)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _complaints(path: str, method: str, headers: dict[str, str]) -> list[str]:
    grant = METHODS[method][1] if method in METHODS else None
    service = "SIP" if grant in SIP_GRANTS else "RoomService"
    if grant is None or path != f"/twirp/livekit.{service}/{method}":
        return [f"no such method: {path}"]
    if headers.get("Content-Type") != "application/protobuf":
        return [f"{method}: content type {headers.get('Content-Type')}"]
    token = headers.get("Authorization", headers.get("authorization", "")).removeprefix("Bearer ")
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], issuer=KEY, options={"require": ["exp"]})
    except jwt.PyJWTError as error:
        return [f"{method}: {error!r}"]
    grants = claims.get("sip", {}) if grant in SIP_GRANTS else claims["video"]
    return [] if grants.get(grant) else [f"{method}: lacks {grant}"]

"""LiveKit's room and egress services as their Twirp wire shows them, and their refusals."""

import json
import threading

from livekit import api
from livekit.protocol import egress

from tests.recordings.wire import RecordedRequest, Reply, Wire


class Twirp:
    """Rooms with metadata, and recordings that were started; `refusals` has a status and a code by method.

    While `lists` is off, what was started does not show yet.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, str] = {}
        self.recordings: dict[str, egress.EgressInfo] = {}
        self.started: list[api.RoomCompositeEgressRequest] = []
        self.refusals: dict[str, tuple[int, str]] = {}
        self.forgets_to_answer = False
        self.lists = True
        self.lock = threading.Lock()
        self.wire = Wire(self.answer)
        self.settings = {
            "LIVEKIT_URL": self.wire.url,
            "LIVEKIT_API_KEY": "devkey",
            "LIVEKIT_API_SECRET": "0123456789abcdef0123456789abcdef",
            "LIVEKIT_TIMEOUT_SECONDS": "2",
        }

    def answer(self, request: RecordedRequest) -> Reply | None:
        """Return what LiveKit would."""
        service, _, method = request.path.removeprefix("/twirp/livekit.").partition("/")
        if method in self.refusals:
            status, code = self.refusals[method]
            return _refusal(status, code)
        with self.lock:
            known = {
                ("RoomService", "ListRooms"): self._list_rooms,
                ("Egress", "StartRoomCompositeEgress"): self._start,
                ("Egress", "StopEgress"): self._stop,
                ("Egress", "ListEgress"): self._list,
            }
            found = known.get((service, method))
            return found(request.body) if found else None

    def _list_rooms(self, body: bytes) -> Reply:
        names = api.ListRoomsRequest.FromString(body).names
        rooms = [api.Room(name=name, metadata=self.rooms[name]) for name in names if name in self.rooms]
        return _message(api.ListRoomsResponse(rooms=rooms))

    def _start(self, body: bytes) -> Reply:
        request = api.RoomCompositeEgressRequest.FromString(body)
        self.started.append(request)
        info = egress.EgressInfo(
            egress_id=f"EG_{len(self.started)}", room_name=request.room_name, room_composite=request,
            status=egress.EgressStatus.EGRESS_ACTIVE,
        )  # fmt: skip
        self.recordings[info.egress_id] = info
        return Reply(502, b"bad gateway") if self.forgets_to_answer else _message(info)

    def _stop(self, body: bytes) -> Reply:
        info = self.recordings.get(api.StopEgressRequest.FromString(body).egress_id)
        if info is None:
            return _refusal(404, "not_found")
        if info.status != egress.EgressStatus.EGRESS_ACTIVE:
            return _refusal(412, "failed_precondition")
        info.status = egress.EgressStatus.EGRESS_ENDING
        return _message(info)

    def _list(self, body: bytes) -> Reply:
        request = api.ListEgressRequest.FromString(body)
        if request.egress_id and request.egress_id not in self.recordings:
            return _refusal(404, "not_found")
        # `active` leaves out COMPLETE and the later ones (livekit-server 1.13.5, redisstore.go).
        found = [
            info
            for info in self.recordings.values()
            if (self.lists or request.egress_id)
            and request.egress_id in ("", info.egress_id)
            and request.room_name in ("", info.room_name)
            and (not request.active or info.status < egress.EgressStatus.EGRESS_COMPLETE)
        ]
        return _message(api.ListEgressResponse(items=found))


def _message(message: "api.ListEgressResponse | api.ListRoomsResponse | egress.EgressInfo") -> Reply:
    return Reply(200, message.SerializeToString(), {"Content-Type": "application/protobuf"})


def _refusal(status: int, code: str) -> Reply:
    body = json.dumps({"code": code, "msg": "canary words"}).encode()
    return Reply(status, body, {"Content-Type": "application/json"})

"""The events that LiveKit sends: their signature, their form, and who receives them.

https://docs.livekit.io/home/server/webhooks/: the header holds a JWT that LiveKit signed with LIVEKIT_API_SECRET;
its claim `sha256` is the hash of the body.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sayna.config import Secret
from sayna.errors import InvalidRequest, Overloaded, StoreUnavailable
from sayna.livekit.egress import EgressReport, state_of
from sayna.livekit.errors import InvalidSignature
from sayna.livekit.model import DISCONNECT_REASONS, KINDS, UNKNOWN
from sayna.log import RateLimitedLogger, emit
from sayna.state.ports import Once

# The leeway of LiveKit's own receivers.
LEEWAY_SECONDS = 60
INTEGER = re.compile("[0-9]{1,18}")
# Nanoseconds since the epoch, up to the year 2286.
END_TIME = re.compile(r"[1-9][0-9]{0,18}")

logger = logging.getLogger("sayna.livekit")
rate_limited_log = RateLimitedLogger(logger)


@dataclass(frozen=True, slots=True)
class EventRoom:
    """The room that an event is about."""

    sid: str
    name: str
    metadata: str


@dataclass(frozen=True, slots=True)
class EventParticipant:
    """The participant that an event is about; `attributes` hold SIP headers, so a phone caller chooses them."""

    sid: str
    identity: str
    name: str
    kind: str
    attributes: Mapping[str, str]
    joined_at: int = 0
    disconnect_reason: str = "UNKNOWN_REASON"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; LiveKit sends it again under its id until it is accepted. `created_at` is in seconds since 1970."""

    id: str
    name: str
    room: EventRoom | None
    participant: EventParticipant | None
    created_at: int = 0
    egress: EgressReport | None = None


Receiver = Callable[[Event], None]


@contextlib.contextmanager
def first_delivery(ids: Once, event_id: str) -> Iterator[bool]:
    """Yield whether the event is new, and remember its id when the block ends without an error.

    A second delivery waits for the first one. When the process dies in the block, the event stays new.
    While the store is unavailable every event is new, so a hook may get it twice.
    Raises Overloaded when the first delivery takes too long.
    """
    with contextlib.ExitStack() as held:
        attempt, is_new = None, True
        try:
            attempt = held.enter_context(ids.attempt(event_id))
            is_new = attempt.earlier() is None
        except TimeoutError as error:
            raise Overloaded("this event is being processed; send it again", retry_after=1) from error
        except StoreUnavailable as error:
            rate_limited_log.warn("events are accepted without a check for duplicates: %s", error)
        yield is_new
        if is_new and attempt is not None:
            with contextlib.suppress(StoreUnavailable):
                attempt.finish("")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Verifies events and gives each new one to all receivers, once over all workers.

    When a receiver raises, the event stays new and LiveKit sends it again. A receiver must accept the same
    event twice, because the process may die before it stores the id.
    """

    api_key: Secret
    api_secret: Secret
    ids: Once
    receivers: tuple[Receiver, ...]

    def accept(self, body: bytes, authorization: str) -> None:
        """Accept an event; raises InvalidSignature, InvalidRequest, Overloaded, and what a receiver raises."""
        self._verify(body, authorization)
        event = read_event(body)
        with first_delivery(self.ids, event.id) as is_new:
            for receive in self.receivers if is_new else ():
                receive(event)
        emit(logger, logging.INFO, "livekit_event", name=event.name, id=event.id, new=is_new)

    def _verify(self, body: bytes, authorization: str) -> None:
        import jwt  # noqa: PLC0415 - 50 ms at the first event instead of at start

        # LiveKit sends the token alone; a scheme has any case (RFC 9110, section 11.1).
        token = re.sub(r"(?i)^\s*bearer\s+", "", authorization).strip()
        try:
            claims = jwt.decode(
                token,
                self.api_secret.reveal(),
                # A fixed list, because the sender chooses the token's own header (RFC 8725, 3.1).
                algorithms=["HS256"],
                issuer=self.api_key.reveal(),
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
            signed = base64.b64decode(claims["sha256"], validate=True)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            emit(logger, logging.WARNING, "webhook_refused", reason=type(error).__name__)
            if isinstance(error, jwt.ImmatureSignatureError | jwt.ExpiredSignatureError):
                raise InvalidSignature("the clocks of LiveKit and of this server differ by over a minute") from error
            raise InvalidSignature("the event has no valid signature of LiveKit") from error
        if not hmac.compare_digest(signed, hashlib.sha256(body).digest()):
            raise InvalidSignature("the signature is for another body than this one")


def read_event(body: bytes) -> Event:
    """Return the event in a body; raises InvalidRequest.

    A signed event can still hold any text: attributes hold what a phone caller sent. Only types are checked.
    """
    try:
        members = json.loads(body.decode("utf-8"))
        return Event(
            id=_text(members, "id") or "sha256:" + hashlib.sha256(body).hexdigest(),
            name=_text(members, "event", needed=True),
            room=_room(_object(members, "room")),
            participant=_participant(_object(members, "participant")),
            created_at=_integer(members, "createdAt"),
            egress=_egress(_object(members, "egressInfo")),
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest("the body is not a LiveKit event") from error


def _room(members: dict[str, Any]) -> EventRoom | None:
    return EventRoom(**{name: _text(members, name) for name in EventRoom.__slots__}) if members else None


def _participant(members: dict[str, Any]) -> EventParticipant | None:
    if not members:
        return None
    attributes = _object(members, "attributes")
    return EventParticipant(
        sid=_text(members, "sid"),
        identity=_text(members, "identity"),
        name=_text(members, "name"),
        kind=_enum(members, "kind", KINDS),
        attributes={name: _text(attributes, name) for name in attributes},
        joined_at=_integer(members, "joinedAt"),
        disconnect_reason=_enum(members, "disconnectReason", DISCONNECT_REASONS),
    )


def _egress(members: dict[str, Any]) -> EgressReport | None:
    """Return the egress of an event; protojson writes the time of its end as text, in nanoseconds."""
    if not members:
        return None
    outputs = _object(members, "roomComposite").get("fileOutputs") or []
    if type(outputs) is not list:
        raise TypeError("fileOutputs")
    ended = str(members.get("endedAt", ""))
    return EgressReport(
        id=_text(members, "egressId", needed=True),
        room=_text(members, "roomName"),
        filepath=_text(outputs[0], "filepath") if len(outputs) == 1 else "",
        # protojson omits a field that has its default, and allows an enum as a number.
        state=state_of(members.get("status", 0)),
        ended_at=datetime.fromtimestamp(int(ended) // 10**9, UTC) if END_TIME.fullmatch(ended) else None,
        error=_text(members, "error"),
    )


def _object(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name) or {}
    # Phone callers choose the attributes: another type is a 400, never an internal error.
    if type(value) is not dict:
        raise TypeError(name)
    return value


def _enum(members: dict[str, Any], name: str, words: Mapping[int, str]) -> str:
    """Return the word of an enum; protojson sends words or numbers, and omits the default, which is 0."""
    value = members.get(name) or 0
    return words.get(value, UNKNOWN) if type(value) is int else _text(members, name)


def _integer(members: dict[str, Any], name: str) -> int:
    """Return a 64-bit integer, which protojson sends as a text, or 0."""
    value = members.get(name) or 0
    return int(value) if type(value) is int or (type(value) is str and INTEGER.fullmatch(value)) else 0


def _text(members: dict[str, Any], name: str, *, needed: bool = False) -> str:
    value = members.get(name, "")
    if type(value) is not str or (needed and not value):
        raise TypeError(name)
    return value

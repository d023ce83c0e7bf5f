"""How a call that was dialled ended at once, as an error, and as the text that an Idempotency-Key remembers."""

from collections.abc import Mapping

from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.livekit.model import sip_word
from sayna.sip.errors import Busy, CallFailed, CallNotPlaced, CallOutcomeUnknown, Declined, NoAnswer

NO_SIP_SERVICE = "LiveKit has no free SIP service, so no phone rings; check that LiveKit SIP is running"
UNKNOWN = "LiveKit did not say whether the call has begun; look into the room before you call again"
KINDS = (Busy, NoAnswer, Declined, CallNotPlaced)
BY_WORD = {kind.word: kind for kind in KINDS}
BY_NAME = {kind.__name__: kind for kind in KINDS}


def call_error(error: LiveKitUnavailable) -> CallFailed:
    """Return the error of a call that LiveKit did not begin, or that was not answered."""
    if isinstance(error, LiveKitRefused):
        if error.sip_status is not None:
            kind = BY_WORD.get(sip_word(error.sip_status), CallNotPlaced)
            return kind(sip_status=error.sip_status)
        if not error.may_have_acted:
            unavailable = error.twirp_code == "unavailable"
            return CallFailed(NO_SIP_SERVICE if unavailable else "LiveKit refuses this call; no phone rings")
    if error.may_have_acted:
        return CallOutcomeUnknown(UNKNOWN)
    return CallFailed(f"{error.message}; no call was placed")


def remembered(error: CallFailed) -> dict[str, str]:
    """Return what a key remembers of an error."""
    if not isinstance(error, CallNotPlaced):
        return {"error": error.message}
    status = {"sip_status": str(error.sip_status)} if error.sip_status else {}
    return {"error": error.message, **status, "kind": type(error).__name__}


def replayed(answer: Mapping[str, str]) -> Mapping[str, str]:
    """Return the answer that a key remembers; raises the error that it remembers."""
    if "error" not in answer:
        return {"status": "initiated", **answer}
    kind = BY_NAME.get(answer.get("kind", ""))
    if kind is None:
        raise CallOutcomeUnknown(answer["error"])
    raise kind(sip_status=int(answer["sip_status"]) if "sip_status" in answer else None)

"""How a call that was dialled ended at once, as an error, and as the text that an Idempotency-Key remembers."""

from collections.abc import Mapping

from sayna.livekit.errors import LiveKitRefused, LiveKitUnavailable
from sayna.livekit.model import sip_word
from sayna.sip.errors import Busy, CallFailed, CallNotPlaced, CallOutcomeUnknown, Declined, NoAnswer

NO_SIP_SERVICE = "LiveKit has no free SIP service, so no phone rings; check that LiveKit SIP is running"
UNKNOWN = "LiveKit did not say whether the call has begun; look into the room before you call again"
SENTENCES = {
    Busy: "the far end is busy",
    NoAnswer: "no phone answered in time",
    Declined: "the far end declined the call",
    CallNotPlaced: "the far end refused the call",
}
REASONS = {Busy: "busy", NoAnswer: "no_answer", Declined: "declined", CallNotPlaced: "rejected"}
BY_WORD: Mapping[str, type[CallNotPlaced]] = {"busy": Busy, "no_answer": NoAnswer, "declined": Declined}


def call_error(error: LiveKitUnavailable) -> CallFailed:
    """Return the error of a call that LiveKit did not begin, or that was not answered."""
    if isinstance(error, LiveKitRefused):
        if error.sip_status is not None:
            return not_placed(BY_WORD.get(sip_word(error.sip_status), CallNotPlaced), error.sip_status)
        if not error.may_have_acted:
            unavailable = error.twirp_code == "unavailable"
            return CallFailed(NO_SIP_SERVICE if unavailable else "LiveKit refuses this call; no phone rings")
    if error.may_have_acted:
        return CallOutcomeUnknown(UNKNOWN)
    return CallFailed(f"{error.message}; no call was placed")


def not_placed(kind: type[CallNotPlaced], sip_status: int | None) -> CallNotPlaced:
    """Return the error of a call that the far end refused."""
    return kind(SENTENCES[kind], sip_status=sip_status)


def remembered(error: CallFailed) -> dict[str, str]:
    """Return what a key remembers of an error."""
    status = error.members.get("sip_status")
    kept = {"sip_status": str(status)} if status else {}
    kind = {"kind": type(error).__name__} if isinstance(error, CallNotPlaced) else {}
    return {"error": error.message, **kept, **kind}


def replayed(answer: Mapping[str, str]) -> CallFailed:
    """Return the error that a key remembers."""
    kinds = {kind.__name__: kind for kind in SENTENCES}
    if answer.get("kind") not in kinds:
        return CallOutcomeUnknown(answer["error"])
    return not_placed(kinds[answer["kind"]], int(answer["sip_status"]) if "sip_status" in answer else None)

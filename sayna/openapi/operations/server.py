"""GET / and GET /ready."""

from sayna import __version__
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.server import HealthSchema, NotReadySchema, ReadySchema

HEALTH = Operation(
    tag="Server",
    summary="Health",
    description="Says that the process answers. Always public. A client that prefers `text/html` gets a small page.",
    responses={
        200: ResponseDoc(
            "The process answers.",
            {"application/json": HealthSchema, "text/html": {"type": "string"}},
            {"Vary": "Accept"},
            example={"status": "ok"},
        )
    },
)
_CHECKS = {
    "cache": "ok",
    "providers": "ok",
    "piper": "off",
    "recordings": "off",
    "hooks": "ok",
    "events": "off",
    "redis": "off",
    "serving": "ok",
}
READY = Operation(
    tag="Server",
    summary="Readiness",
    description="Says whether a load balancer should send requests here. Public; calls no vendor. A failed `redis` "
    "is no reason to stop sending: speech goes on without it.",
    responses={
        200: ResponseDoc(
            "The server takes requests.",
            {"application/json": ReadySchema},
            example={"status": "ready", "version": __version__, "checks": _CHECKS},
        ),
        503: ResponseDoc(
            "The server is stopping, or cannot use its cache, its providers or another thing that is configured.",
            {"application/json": NotReadySchema},
            example={
                "status": "unavailable",
                "version": __version__,
                "checks": {**_CHECKS, "serving": "failed"},
                "error": "these checks failed: serving",
                "code": "NOT_READY",
            },
        ),
    },
)

"""The reference of GET / and GET /ready."""

from sayna import __version__
from sayna.openapi import Operation, ResponseDoc
from sayna.schemas.server import HealthSchema, NotReadySchema, ReadySchema

HEALTH = Operation(
    tag="Server",
    summary="Health",
    description="Says that the process answers. Always public, and touches nothing.",
    answers={200: ResponseDoc("It answers.", {"application/json": HealthSchema}, example={"status": "ok"})},
)
_CHECKS = {"cache": "ok", "serving": "ok"}
READY = Operation(
    tag="Server",
    summary="Readiness",
    description="Says whether this server should be sent work. Public; calls no vendor.",
    answers={
        200: ResponseDoc(
            "Work is welcome.",
            {"application/json": ReadySchema},
            example={"status": "ready", "version": __version__, "checks": _CHECKS},
        ),
        503: ResponseDoc(
            "It is stopping, or cannot write its cache.",
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

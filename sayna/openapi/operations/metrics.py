"""GET /metrics."""

from sayna.errors import NotAuthenticated
from sayna.metrics import MetricsForbidden
from sayna.openapi import Operation, ResponseDoc

METRICS = Operation(
    tag="Server",
    summary="Metrics",
    description="The metrics of all workers in Prometheus's text format; 404 unless `METRICS_ENABLED=true`. Needs "
    "`METRICS_TOKEN` as a Bearer token where it is set, otherwise a connection from this machine without a proxy.",
    responses={
        200: ResponseDoc("The metrics.", {"text/plain": {"type": "string"}}),
        404: ResponseDoc("Metrics are off.", {"application/json": {"type": "object"}}),
    },
    errors=(NotAuthenticated, MetricsForbidden),
)

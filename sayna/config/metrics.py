"""The settings of metrics."""

from dataclasses import dataclass

from sayna.config.fields import setting
from sayna.config.secret import Secret
from sayna.config.types import boolean, token


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """GET /metrics for Prometheus."""

    enabled: bool = setting("METRICS_ENABLED", boolean, False, "Metrics for Prometheus at /metrics, on or off.")
    token: Secret | None = setting(
        "METRICS_TOKEN",
        token,
        None,
        "Bearer token of /metrics; without it, only this machine may read them.",
    )

"""Sessions of boto3 for S3 and Polly; boto3 is imported with the first session."""

from typing import Any

from sayna import http

_loaders: dict[str, Any] = {}  # one for all sessions, because each reads 12 MB of descriptions in 70 ms (measured)


def session() -> Any:
    """Return a new session that trusts the authorities of TLS_CA_FILE, for requests of credentials too."""
    import boto3  # noqa: PLC0415 - its import costs 100 ms (measured)
    import botocore.session  # noqa: PLC0415

    core = botocore.session.get_session()
    core.register_component("data_loader", _loaders.setdefault("", core.get_component("data_loader")))
    if (authorities := http.ca_bundle()) is not None:
        core.set_config_variable("ca_bundle", authorities)
    return boto3.session.Session(botocore_session=core)

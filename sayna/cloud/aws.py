"""Sessions of boto3 for S3 and Polly; boto3 is imported with the first session."""

from functools import cache
from typing import Any

from sayna import http


def session() -> Any:
    """Return a new session that trusts the authorities of TLS_CA_FILE, for requests of credentials too."""
    import boto3  # noqa: PLC0415 - its import costs 100 ms (measured)
    import botocore.session  # noqa: PLC0415

    core = botocore.session.get_session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    if (authorities := http.ca_bundle()) is not None:
        core.set_config_variable("ca_bundle", authorities)
    return boto3.session.Session(botocore_session=core)


@cache
def _loader(folders: str | None) -> Any:
    """Return what reads the descriptions of AWS's services: each copy takes 12 MB and 70 ms (measured)."""
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader(folders)

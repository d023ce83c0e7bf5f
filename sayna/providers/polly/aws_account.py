"""The AWS account of the server or of a request: settings, region, signatures, and AWS's names of errors.

boto3 finds the settings that are left out (profile, instance role). It does not when a request has its own
credentials, or when the server has static keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sayna.cloud import aws
from sayna.config import KeyedConfig, Secret, cloud, setting, token
from sayna.config.fields import require_both
from sayna.config.types import boolean, matching
from sayna.errors import (
    InvalidProviderAuth,
    ProviderError,
    ProviderNotConfigured,
    ProviderRateLimited,
    ProviderRejectedCredentials,
)

Credentials = Mapping[str, Any] | None
_region = matching("[a-z0-9-]{2,32}", "a region such as eu-central-1")
_THROTTLED = ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException")
_CREDENTIALS = (
    *("AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"),
    *("IncompleteSignatureException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "OptInRequired"),
    *("SignatureDoesNotMatch", "UnrecognizedClientException"),
)
ERROR_KINDS: Mapping[str, type[ProviderError]] = {
    **dict.fromkeys(_THROTTLED, ProviderRateLimited),
    **dict.fromkeys(_CREDENTIALS, ProviderRejectedCredentials),
}


@dataclass(frozen=True, slots=True)
class PollyConfig(KeyedConfig):
    """The settings of Amazon Polly; boto3 finds those that are not set (profile, instance role)."""

    # Other programs use the AWS variables too, and the search for an instance role may hang: so Polly has a switch.
    # The first call looks for its credentials.
    enabled: bool = setting("POLLY_ENABLED", boolean, False, "Amazon Polly, on or off.")
    endpoint_url: str | None = setting("POLLY_ENDPOINT_URL", cloud, None, "URL of a VPC endpoint of Polly.")
    access_key_id: Secret | None = setting("AWS_ACCESS_KEY_ID", token, None, "AWS access key ID for Polly.")
    secret_access_key: Secret | None = setting("AWS_SECRET_ACCESS_KEY", token, None, "AWS secret access key for Polly.")
    # Temporary keys (STS) do not work without it.
    session_token: Secret | None = setting("AWS_SESSION_TOKEN", token, None, "AWS session token for Polly.")
    aws_region: str | None = setting("AWS_REGION", _region, None, "AWS region of Polly.")
    aws_default_region: str | None = setting(
        "AWS_DEFAULT_REGION", _region, None, "AWS region of Polly when AWS_REGION is not set."
    )

    @property
    def region(self) -> str | None:
        """The AWS region, or None when boto3 is to find it."""
        return self.aws_region or self.aws_default_region

    @property
    def base_url(self) -> str:
        """The endpoint that was set, else that of the region, empty when boto3 is to find the region."""
        return self.endpoint_url or (host(self.region) if self.region else "")

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for half of Polly's settings; AWS variables may be there for other programs."""
        if self.endpoint_url and "POLLY_ENABLED" not in given:
            yield "POLLY_ENDPOINT_URL is set but POLLY_ENABLED is not; set POLLY_ENABLED to true or false."
        # With half a pair, boto3 would use other credentials and report nothing.
        if self.enabled:
            yield from require_both(given, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class AwsAccount:
    """Signs calls of Polly; boto3 is imported with the first call."""

    def __init__(self, config: PollyConfig) -> None:
        self._config = config

    def region(self, credentials: Credentials) -> str:
        """Return the request's region, else the server's; raises ProviderNotConfigured when there is none."""
        region = (credentials or {}).get("region") or self._config.region
        if region:
            return str(region)
        if credentials:
            raise InvalidProviderAuth("auth.region must say the AWS region: this server has none of its own")
        if not (found := self._session.region_name):
            raise ProviderNotConfigured("polly has no AWS region; set AWS_REGION")
        return str(found)

    def base(self, credentials: Credentials) -> str:
        """Return the base URL; one that the operator set also serves requests with their own region."""
        return self._config.endpoint_url or host(self.region(credentials))

    def signed(self, method: str, url: str, credentials: Credentials, body: bytes = b"") -> dict[str, str]:
        """Return the headers of a call, signature included."""
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - 50 ms that only Polly needs
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(method, url, {"Content-Type": "application/json"}, body)
        SigV4Auth(self._keys(credentials), "polly", self.region(credentials)).add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}

    def _keys(self, credentials: Credentials) -> Any:
        from botocore.credentials import Credentials as Keys  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        # Only keys, never a profile or a role: a request could use those of this server.
        if credentials:
            names = ("access_key_id", "secret_access_key", "session_token")
            return Keys(*(credentials.get(name) for name in names))
        if not self._config.enabled:
            raise ProviderNotConfigured("polly is not configured on this server; set POLLY_ENABLED")
        if (key := self._config.access_key_id) and (secret := self._config.secret_access_key):
            token = self._config.session_token
            return Keys(key.reveal(), secret.reveal(), token and token.reveal())
        try:
            found = self._session.get_credentials()
            frozen = found and found.get_frozen_credentials()
        except BotoCoreError as error:
            raise ProviderNotConfigured("the AWS credentials of polly cannot be read") from error
        if not frozen:
            raise ProviderNotConfigured("polly has no AWS credentials; set AWS_ACCESS_KEY_ID and its secret")
        return frozen

    @cached_property
    def _session(self) -> Any:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        try:
            return aws.session()
        except BotoCoreError as error:
            raise ProviderNotConfigured("the AWS profile of polly cannot be read") from error


def host(region: str) -> str:
    """Return Polly's public address in a region."""
    # China's regions have a domain of their own.
    return f"https://polly.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"

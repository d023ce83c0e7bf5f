"""The AWS account of the server, or of a request: its region, where Polly is, and signatures.

boto3 finds what the settings leave out in its own places (profile, instance role). It never does so for a
request's own credentials, nor where the server has static keys.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sayna.cloud import aws
from sayna.config import PollyConfig
from sayna.errors import InvalidProviderAuth, ProviderNotConfigured

# It becomes part of a host name.
REGION = re.compile(r"[a-z]{2}(-[a-z]{1,16}){1,3}-[0-9]{1,2}")
SESSION_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
Credentials = Mapping[str, Any] | None


class Account:
    """Signs calls of Polly; boto3 is loaded with the first of them."""

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
        """Return where to ask: an address that the operator set holds for everybody."""
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

        # Never a profile, a role or an address: those of a request would be this server's.
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


def check(auth: Mapping[str, Any]) -> None:
    """Raise InvalidProviderAuth where the two optional fields have a wrong shape."""
    if "region" in auth and not REGION.fullmatch(str(auth["region"])):
        raise InvalidProviderAuth("auth.region must be an AWS region such as eu-central-1")
    token = auth.get("session_token", "-")
    if not isinstance(token, str) or not SESSION_TOKEN.fullmatch(token):
        raise InvalidProviderAuth("auth.session_token must be 1-4096 printable ASCII characters, without spaces")

"""Authentication: a shared secret, or an auth service that receives a signed request, decides the tenant."""

from sayna.auth.auth_service import AuthRequest
from sayna.auth.authenticator import Authenticator
from sayna.auth.bearer_token import read_key, read_token
from sayna.auth.proxies import Proxies

__all__ = ["AuthRequest", "Authenticator", "Proxies", "read_key", "read_token"]

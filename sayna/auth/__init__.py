"""Who is calling: a shared secret, or a service that is asked with a signed token, tells the tenant."""

from .authenticator import Authenticator
from .budget import Budget
from .caller import ANYONE, Caller, read_token
from .client import Proxies
from .errors import TooManyFailures
from .service import Post, RequestFacts

__all__ = [
    "ANYONE",
    "Authenticator",
    "Budget",
    "Caller",
    "Post",
    "Proxies",
    "RequestFacts",
    "TooManyFailures",
    "read_token",
]

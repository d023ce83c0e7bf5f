"""Who is calling: a shared secret, or a service that is asked with a signed token, tells the tenant."""

from .authenticator import Authenticator
from .caller import ANYONE, Caller, read_token
from .service import Post, RequestFacts

__all__ = ["ANYONE", "Authenticator", "Caller", "Post", "RequestFacts", "read_token"]

"""Google Cloud Storage as its JSON API documents it, and the token service in front: strict about both."""

import base64
import hashlib
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.recordings.wire import RecordedRequest, Reply, Wire

BUCKET = "canary-bucket"
EMAIL = "sayna@canary.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
AUDIENCE = "https://oauth2.googleapis.com/token"  # whatever token_uri is: google-auth signs for Google
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PARAMETERS = {
    "alt", "generation", "fields", "prefix", "maxResults", "startOffset", "uploadType", "name",
    "ifGenerationMatch",
}  # fmt: skip


@cache
def private_key() -> rsa.RSAPrivateKey:
    # Google's have 2048 bits; to read such a key takes 64 ms of processor time (measured), which each test would pay.
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


class GCS:
    """One bucket in memory; `tokens` are those that were given out and are still good."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int, str]] = {}
        self.tokens: set[str] = set()
        self.generation = 1000
        # What the description of each object has beside size, generation and time.
        self.described: dict[str, object] = {}
        self.bucket = BUCKET
        self.lock = threading.Lock()
        self.wire = Wire(self.answer)

    def account(self) -> str:
        """Return the service account as JSON."""
        pem = private_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return json.dumps(
            {
                "type": "service_account",
                "client_email": EMAIL,
                "private_key_id": "k1",
                "private_key": pem.decode(),
                "token_uri": f"{self.wire.url}/token",
            }
        )

    def put(self, key: str, content: bytes) -> None:
        self.generation += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.objects[key] = (content, self.generation, now)

    def answer(self, request: RecordedRequest) -> Reply | None:  # noqa: PLR0911
        """Return what Google would."""
        if (request.method, request.path) == ("POST", "/token"):
            return self._token(request)
        if request.path.startswith(f"/{self.bucket}/"):
            return self._signed(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "Invalid Credentials")
        if set(request.query) - PARAMETERS:
            return None
        with self.lock:
            if request.path == f"/upload/storage/v1/b/{self.bucket}/o" and request.method == "POST":
                return self._insert(request)
            name = request.path.removeprefix(f"/storage/v1/b/{self.bucket}/o")
            if name == request.path:
                return _error(404, f"The specified bucket does not exist: {BUCKET}")
            if name == "" and request.method == "GET":
                return self._list(request)
            return self._object(request, unquote(name[1:])) if "/" not in name[1:] else None

    def _token(self, request: RecordedRequest) -> Reply | None:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != GRANT or request.query:
            return None
        public = private_key().public_key()
        claims = jwt.decode(form["assertion"], public, ["RS256"], audience=AUDIENCE)
        if claims["iss"] != EMAIL or claims["scope"] != SCOPE:
            return None
        token = f"ya29.{len(self.tokens)}-{len(self.wire.requests)}"
        self.tokens.add(token)
        return _json({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _insert(self, request: RecordedRequest) -> Reply | None:
        if request.query.get("uploadType") != "media":
            return None
        present = str(self.objects.get(request.query["name"], (b"", 0, ""))[1])
        if request.query.get("ifGenerationMatch", present) != present:
            return _error(412, "At least one of the pre-conditions you specified did not hold.")
        self.put(request.query["name"], request.body)
        return _json(self._described(request.query["name"]))

    def _list(self, request: RecordedRequest) -> Reply:
        start, limit = request.query.get("startOffset", ""), int(request.query["maxResults"])
        names = sorted(n for n in self.objects if n.startswith(request.query.get("prefix", "")) and n >= start)
        page: dict[str, Any] = {"items": [self._described(name) for name in names[:limit]]}
        return _json(page | ({"nextPageToken": "t"} if len(names) > limit else {}))

    def _object(self, request: RecordedRequest, name: str) -> Reply:
        if name not in self.objects:
            return _error(404, f"No such object: {BUCKET}/{name}")
        if request.method == "DELETE":
            del self.objects[name]
            return Reply(204)
        if request.query.get("alt") != "media":
            return _json(self._described(name))
        return self._media(request, name)

    def _signed(self, request: RecordedRequest) -> Reply:
        """Answer as the XML API does, to the bearer of a URL that the account has signed (V4)."""
        named = dict(request.query)
        signature = bytes.fromhex(named.pop("X-Goog-Signature"))
        scope = named["X-Goog-Credential"].removeprefix(f"{EMAIL}/")
        query = urlencode(sorted(named.items()), quote_via=quote, safe="")
        parts = ("GET", request.path, query, f"host:{request.headers['host']}", "", "host", "UNSIGNED-PAYLOAD")
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        text = "\n".join(("GOOG4-RSA-SHA256", named["X-Goog-Date"], scope, digest))
        private_key().public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        signed_at = datetime.strptime(named["X-Goog-Date"], "%Y%m%dT%H%M%S%z")
        is_valid = datetime.now(UTC) - signed_at < timedelta(seconds=int(named["X-Goog-Expires"]))
        if request.method != "GET" or "authorization" in request.headers or not is_valid:
            return Reply(400, b"<Error><Code>ExpiredToken</Code></Error>")
        name = unquote(request.path.removeprefix(f"/{self.bucket}/"))
        return self._media(request, name) if name in self.objects else Reply(404, b"<Error>NoSuchKey</Error>")

    def _media(self, request: RecordedRequest, name: str) -> Reply:
        content, generation, _ = self.objects[name]
        if request.query.get("generation", str(generation)) != str(generation):
            return _error(404, f"No such object: {BUCKET}/{name}#{request.query['generation']}")
        headers = {
            "Content-Type": "audio/ogg",
            "X-Goog-Generation": str(generation),
            "X-Goog-Hash": "md5=" + base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        }
        if (wanted := request.headers.get("range")) is None:
            return Reply(200, content, headers)
        first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
        shown = f"bytes {first}-{last}/{len(content)}"
        return Reply(206, content[first : last + 1], headers | {"Content-Range": shown})

    def _described(self, name: str) -> dict[str, object]:
        content, generation, updated = self.objects[name]
        size = str(len(content))
        return {"name": name, "size": size, "generation": str(generation), "updated": updated, **self.described}


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _error(status: int, message: str) -> Reply:
    reason = {401: "authError", 404: "notFound", 412: "conditionNotMet"}[status]
    detail = {"message": message, "domain": "global", "reason": reason}
    content = json.dumps({"error": {"code": status, "message": message, "errors": [detail]}}).encode()
    return Reply(status, content, {"Content-Type": "application/json; charset=UTF-8"})

"""Google Cloud Storage as its JSON API documents it, and the token service in front: strict about both."""

import base64
import hashlib
import json
import threading
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.recordings.wire import Asked, Reply, Wire

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
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class GCS:
    """One bucket in memory; `tokens` are those that were given out and are still good."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int, str]] = {}
        self.tokens: set[str] = set()
        self.generation = 1000
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

    def answer(self, asked: Asked) -> Reply | None:  # noqa: PLR0911
        """Return what Google would."""
        if (asked.method, asked.path) == ("POST", "/token"):
            return self._token(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "Invalid Credentials")
        if set(asked.query) - PARAMETERS:
            return None
        with self.lock:
            if asked.path == f"/upload/storage/v1/b/{self.bucket}/o" and asked.method == "POST":
                return self._insert(asked)
            name = asked.path.removeprefix(f"/storage/v1/b/{self.bucket}/o")
            if name == asked.path:
                return _error(404, f"The specified bucket does not exist: {BUCKET}")
            if name == "" and asked.method == "GET":
                return self._list(asked)
            return self._object(asked, unquote(name[1:])) if "/" not in name[1:] else None

    def _token(self, asked: Asked) -> Reply | None:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if form.get("grant_type") != GRANT or asked.query:
            return None
        public = private_key().public_key()
        claims = jwt.decode(form["assertion"], public, ["RS256"], audience=AUDIENCE)
        if claims["iss"] != EMAIL or claims["scope"] != SCOPE:
            return None
        token = f"ya29.{len(self.tokens)}-{len(self.wire.asked)}"
        self.tokens.add(token)
        return _json({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _insert(self, asked: Asked) -> Reply | None:
        if asked.query.get("uploadType") != "media":
            return None
        present = str(self.objects.get(asked.query["name"], (b"", 0, ""))[1])
        if asked.query.get("ifGenerationMatch", present) != present:
            return _error(412, "At least one of the pre-conditions you specified did not hold.")
        self.put(asked.query["name"], asked.body)
        return _json(self._described(asked.query["name"]))

    def _list(self, asked: Asked) -> Reply:
        start, limit = asked.query.get("startOffset", ""), int(asked.query["maxResults"])
        names = sorted(n for n in self.objects if n.startswith(asked.query.get("prefix", "")) and n >= start)
        page: dict[str, Any] = {"items": [self._described(name) for name in names[:limit]]}
        return _json(page | ({"nextPageToken": "t"} if len(names) > limit else {}))

    def _object(self, asked: Asked, name: str) -> Reply:
        if name not in self.objects:
            return _error(404, f"No such object: {BUCKET}/{name}")
        content, generation, _ = self.objects[name]
        if asked.method == "DELETE":
            del self.objects[name]
            return Reply(204)
        if asked.query.get("alt") != "media":
            return _json(self._described(name))
        if asked.query.get("generation", str(generation)) != str(generation):
            return _error(404, f"No such object: {BUCKET}/{name}#{asked.query['generation']}")
        headers = {
            "Content-Type": "audio/ogg",
            "X-Goog-Generation": str(generation),
            "X-Goog-Hash": "md5=" + base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        }
        if (wanted := asked.headers.get("range")) is None:
            return Reply(200, content, headers)
        first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
        shown = f"bytes {first}-{last}/{len(content)}"
        return Reply(206, content[first : last + 1], headers | {"Content-Range": shown})

    def _described(self, name: str) -> dict[str, str]:
        content, generation, updated = self.objects[name]
        size = str(len(content))
        return {"name": name, "size": size, "generation": str(generation), "updated": updated}


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json; charset=UTF-8"})


def _error(status: int, message: str) -> Reply:
    reason = {401: "authError", 404: "notFound", 412: "conditionNotMet"}[status]
    detail = {"message": message, "domain": "global", "reason": reason}
    content = json.dumps({"error": {"code": status, "message": message, "errors": [detail]}}).encode()
    return Reply(status, content, {"Content-Type": "application/json; charset=UTF-8"})

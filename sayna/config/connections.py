"""The settings of connections: to Redis, which several machines share, and out: authorities and the proxy."""

import importlib.util
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from sayna.config.endpoints import long_secret
from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import Secret, choice, list_of, matching, network, number, path

PORT, SENTINEL_PORT = 6379, 26379
# The path of each kind of URL: the name of the master and the number of the database.
_PATHS = {
    "server": "()(?:/([0-9]{0,4}))?",
    "sentinel": "/([A-Za-z0-9._-]+)(?:/([0-9]{0,4}))?",
    "cluster": "()()/?",
    "socket": "()()/.+",
}
_SCHEME = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?|unix")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_WANTS = (
    "redis://host:6379/0, rediss:// with TLS, unix:///path, redis+sentinel://host:26379,host/NAME/0 or"
    " redis+cluster://host,host, each with user:password@ where Redis wants them"
)

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_PROXY = re.compile(
    r"http://(?:(?P<user>[^\s/@:]+)(?::(?P<password>[^\s/@]*))?@)?"
    r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_EXCEPTION = re.compile(r"\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
DEFAULT_PORT, MAX_PORT = 3128, 65535


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is: its nodes, the sentinels that know the master `name`, or the path of a socket."""

    kind: str
    nodes: tuple[tuple[str, int], ...] = ()
    name: str = ""
    path: str = ""
    db: int = 0
    username: str | None = None
    password: Secret | None = None
    has_tls: bool = False


def _address(text: str) -> RedisAddress:
    try:
        parts = urlsplit(text)
    # An open bracket.
    except ValueError:
        raise InvalidValue("is not a URL of Redis") from None
    scheme = _SCHEME.fullmatch(parts.scheme)
    if scheme is None or not text.isprintable() or parts.query or parts.fragment:
        raise InvalidValue("is not a URL of Redis")
    is_socket, hosts = parts.scheme == "unix", parts.netloc.rpartition("@")[2]
    kind = "socket" if is_socket else scheme[2] or "server"
    place = re.fullmatch(_PATHS[kind], parts.path)
    # unix://run/redis.sock would be the socket /redis.sock of a host `run`.
    if place is None or (is_socket and hosts):
        raise InvalidValue("has a wrong path")
    return RedisAddress(
        kind,
        () if is_socket else _nodes(hosts, kind),
        name=place[1],
        path=unquote(parts.path) if is_socket else "",
        db=int(place[2] or 0),
        username=unquote(parts.username or "") or None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        has_tls=parts.scheme.startswith("rediss"),
    )


def _nodes(text: str, kind: str) -> tuple[tuple[str, int], ...]:
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    found = [_HOST.fullmatch(each) for each in text.split(",")]
    if kind == "server" and len(found) > 1:
        raise InvalidValue("names several hosts, which only redis+sentinel and redis+cluster may have")
    nodes = tuple((each[1].strip("[]"), int(each[2] or port)) for each in found if each)
    if len(nodes) < len(found) or any(not 0 < each <= MAX_PORT for _, each in nodes):
        raise InvalidValue("has a host or a port that is not valid")
    return nodes


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """What all machines of one server share."""

    redis: RedisAddress | None = setting("REDIS_URL", SettingType(_address, _WANTS, secret=True), None)
    redis_timeout: float = setting("REDIS_TIMEOUT_SECONDS", number(0.5, 10), 0.5)
    secret: Secret | None = setting("SAYNA_SECRET", long_secret, None, yaml="server.secret")

    clips_store: str | None = setting(
        "CLIPS_STORE", choice("redis", "recordings", "none"), None, shown="redis with REDIS_URL"
    )
    clips_redis: RedisAddress | None = setting("CLIPS_REDIS_URL", SettingType(_address, _WANTS, secret=True), None)
    clips_prefix: str = setting(
        "CLIPS_PREFIX",
        matching(
            "[A-Za-z0-9][A-Za-z0-9._=-]*(?:/[A-Za-z0-9][A-Za-z0-9._=-]*)*", "a path of letters, digits and . _ = -"
        ),
        "clips",
    )

    def problems(self, given: frozenset[str]) -> Iterator[str]:
        """Yield a sentence for what several machines need beside REDIS_URL, and for what needs REDIS_URL."""
        if self.redis is None:
            for name in sorted(given & {"CLIPS_STORE", "CLIPS_REDIS_URL"}):
                yield f"{name} is set without REDIS_URL, by which machines find each other; set both or none."
            return
        if self.clips_redis is not None and self.clips_store not in (None, "redis"):
            yield f"CLIPS_REDIS_URL and CLIPS_STORE={self.clips_store} name two places for clips; set one of the two."
        if self.secret is None:
            yield "REDIS_URL needs SAYNA_SECRET, one for all machines; set it to the output of `openssl rand -hex 32`."
        if importlib.util.find_spec("redis") is None:
            yield "REDIS_URL needs the packages of requirements-redis.txt; run scripts/install requirements-redis.txt."


@dataclass(frozen=True, slots=True)
class OutboundProxy:
    """A proxy that takes CONNECT; `credentials` is user:password, or empty."""

    host: str
    port: int
    credentials: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """The value of Proxy-Authorization, or empty."""
        return f"Basic {b64encode(self.credentials.encode()).decode()}" if self.credentials else ""

    @property
    def url(self) -> str:
        """The URL with the credentials, for clients that take no other form."""
        user = quote(self.credentials, safe=":") + "@" if self.credentials else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{user}{host}:{self.port}"


def _parse_proxy(text: str) -> OutboundProxy:
    if text.lower().startswith("https://"):
        raise InvalidValue("has https://, and Sayna speaks plain HTTP with the proxy itself (vendors still get TLS)")
    match = _PROXY.fullmatch(text)
    if match is None:
        raise InvalidValue("is not the URL of a proxy")
    port = int(match["port"] or DEFAULT_PORT)
    if not 0 < port <= MAX_PORT:
        raise InvalidValue("has a port that is out of range")
    credentials = f"{unquote(match['user'])}:{unquote(match['password'] or '')}" if match["user"] else ""
    return OutboundProxy(match["host"].strip("[]"), port, credentials)


def _exception(text: str) -> str:
    try:
        return network.parse(text.strip("[]"))
    except InvalidValue:
        if not _EXCEPTION.fullmatch(text):
            raise InvalidValue("is neither a host name nor an address") from None
        return text.strip(".").lower()


_proxy = SettingType(
    _parse_proxy,
    "http://host:port or http://user:password@host:port; write @ and : of a password as %40 and %3A",
    secret=True,
)


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities in PEM, as their file had them at start."""

    path: Path
    pem: str = field(repr=False)


def _authorities(text: str) -> Authorities:
    import ssl  # noqa: PLC0415 - needed only with a file

    file = path.parse(text)
    try:
        # REQUESTS_CA_BUNDLE may be a folder, such as /etc/ssl/certs.
        files = sorted({*file.glob("*.pem"), *file.glob("*.crt")}) if file.is_dir() else [file]
        # Text between certificates is a comment in any encoding.
        found = [each for one in files for each in _CERTIFICATE.findall(one.read_text("utf-8", "replace"))]
        pem = "\n".join(dict.fromkeys(found)) + "\n"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (OSError, ValueError) as error:
        raise InvalidValue("is not a readable file of certificates") from error
    return Authorities(file, pem)


_pem_file = SettingType(_authorities, "the path of a PEM file with one or more CA certificates")


@dataclass(frozen=True, slots=True)
class OutboundConfig:
    """The way out: certificate authorities and the proxy."""

    proxy: OutboundProxy | None = setting("OUTBOUND_PROXY", _proxy, None)
    proxy_except: tuple[str, ...] = setting(
        "OUTBOUND_PROXY_EXCEPT",
        list_of(SettingType(_exception, "a host name, which covers the names below it, or an address or CIDR")),
        (),
    )
    tls_ca_file: Authorities | None = setting("TLS_CA_FILE", _pem_file, None)
    # Variables that other programs read too.
    ssl_cert_file: Authorities | None = setting("SSL_CERT_FILE", _pem_file, None)
    requests_ca_bundle: Authorities | None = setting("REQUESTS_CA_BUNDLE", _pem_file, None)

    @property
    def authorities(self) -> Authorities | None:
        """The operator's authorities: those of TLS_CA_FILE, else SSL_CERT_FILE, else REQUESTS_CA_BUNDLE."""
        return self.tls_ca_file or self.ssl_cert_file or self.requests_ca_bundle

"""The settings of outbound connections: certificate authorities and the proxy."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import list_of, network, path

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_PROXY = re.compile(
    r"http://(?:(?P<user>[^\s/@:]+)(?::(?P<password>[^\s/@]*))?@)?"
    r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
DEFAULT_PORT = 3128
MAX_PORT = 65535


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
        if not _HOST.fullmatch(text):
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

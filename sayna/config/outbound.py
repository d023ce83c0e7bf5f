"""The settings of what goes out, whoever it goes to."""

# ruff: noqa: RUF009 - setting() returns an immutable field

import re
from dataclasses import dataclass, field
from pathlib import Path

from sayna.config.fields import InvalidValue, SettingType, setting
from sayna.config.types import path

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities in PEM, as their file had them at start."""

    path: Path
    pem: str = field(repr=False)


def _authorities(text: str) -> Authorities:
    import ssl  # noqa: PLC0415 - only an operator with a file pays for it

    file = path.parse(text)
    try:
        # What stands between certificates is for people, and may be in any letters.
        pem = "\n".join(_CERTIFICATE.findall(file.read_text("utf-8", "replace"))) + "\n"
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (OSError, ValueError) as error:
        raise InvalidValue("is not a readable file of certificates") from error
    return Authorities(file, pem)


@dataclass(frozen=True, slots=True)
class OutboundConfig:
    """Whom outbound TLS believes."""

    authorities: Authorities | None = setting(
        "TLS_CA_FILE",
        SettingType(_authorities, "the path of a PEM file with one or more CA certificates"),
        None,
        "Certificate authorities of your own, believed beside the public ones by everything that goes out.",
        yaml="outbound.tls_ca_file",
    )

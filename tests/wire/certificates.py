"""Certificates for 127.0.0.1, good and bad, and server contexts that show them."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a folder; `pem` is what a client must trust."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        """Return a new authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Sayna tests")
        builder = _builder(name, name, key, NOW + DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        authority = cls(folder, key, builder.sign(key, hashes.SHA256()))
        authority.pem.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def pem(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "authority.pem"

    def server(self, host: str = "127.0.0.1", *, expired: bool = False) -> ssl.SSLContext:
        """Return a server context with a certificate for an address or a name."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = NOW - DAY if expired else NOW + DAY
        builder = _builder(_name(host), self.certificate.subject, key, ends).add_extension(
            x509.SubjectAlternativeName([_alternative(host)]), critical=False
        )
        return _context(self.folder, builder.sign(self.key, hashes.SHA256()), key)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime.datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=ends - 3 * DAY,
        not_valid_after=ends,
    )


def _context(folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    chain = folder / f"{certificate.serial_number:x}.pem"
    chain.write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context

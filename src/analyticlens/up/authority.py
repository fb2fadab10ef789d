"""An authority of one's own: it signs this server's certificate, and machines trust it by the fingerprint that came with their code."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from analyticlens.machine import clock

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

AUTHORITY_DAYS = 3650
# What browsers accept of a server's certificate at most.
SERVER_DAYS = 397
RENEW_BEFORE = timedelta(days=60)
# A machine's clock may be behind.
BACKDATED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files a server needs, and the authority its machines and people need."""

    certificate: Path
    key: Path
    authority: Path


def certificates(folder: Path, names: Iterable[str]) -> Certificates:
    """Return the files in folder, for a server of these names and addresses; what is missing, too old or of other names is made.

    The authority is made once. Raises OSError where the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = Certificates(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    authority, signer = _authority(files.authority, folder / "authority.key")
    wanted = own_names(names)
    if not _serves(files, authority, wanted):
        _make_server(files, authority, signer, wanted)
    return files


def own_names(names: Iterable[str]) -> list[str]:
    """Return the names and addresses a server of this computer goes by: those given, its host name, and loopback."""
    always = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    given = [name.strip().strip("[]").rstrip(".").lower() for name in names]
    wanted = [name for name in [*given, *always] if name and name not in ("*", "0.0.0.0", "::")]
    return list(dict.fromkeys(wanted))


def _authority(certificate: Path, key: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """Return the authority with its key: the one that is there, or a new one."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if certificate.exists() and key.exists():
        found = load_pem_private_key(key.read_bytes(), None)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(certificate.read_bytes()), found
    signer = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"AnalyticLens authority of {socket.gethostname()}"[:64])
    made = (
        _begun(name, name, signer, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key()), critical=False)
        .sign(signer, _hash())
    )
    _keep(key, _pem_of(signer), 0o600)
    _keep(certificate, _pem(made), 0o644)
    return made, signer


def _make_server(
    files: Certificates, authority: x509.Certificate, signer: EllipticCurvePrivateKey, names: list[str]
) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    public = signer.public_key()
    made = (
        _begun(_name(names[0][:64]), authority.subject, key, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(signer, _hash())
    )
    _keep(files.key, _pem_of(key), 0o600)
    _keep(files.certificate, _pem(made), 0o644)


def _serves(files: Certificates, authority: x509.Certificate, names: list[str]) -> bool:
    """Return whether the server's certificate is there, of this authority, of all these names, and good for a while."""
    from cryptography import x509

    if not files.certificate.exists() or not files.key.exists():
        return False
    found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {str(name.value) for name in known}
    lasts = found.not_valid_after_utc - RENEW_BEFORE > _now()
    return lasts and found.issuer == authority.subject and held >= {str(_general(name).value) for name in names}


def _begun(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _now() -> datetime:
    return clock.wall().astimezone(UTC)


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _hash() -> SHA256:
    from cryptography.hazmat.primitives.hashes import SHA256

    return SHA256()


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _pem_of(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _keep(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, or not at all."""
    beside = path.with_name(path.name + ".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)

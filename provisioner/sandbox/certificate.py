"""A self-signed certificate for clients that require https (azure-identity and msal do)."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from pathlib import Path

_LIFETIME = dt.timedelta(days=365)


def ensure(home: Path) -> tuple[Path, Path]:
    """The sandbox's certificate and key, created when missing or about to expire.

    The certificate is its own authority (CA:TRUE) for localhost and 127.0.0.1: a client that trusts this file trusts
    the sandbox.

    Args:
        home: the sandbox's folder.

    Returns:
        The paths of certificate and private key, both PEM.
    """
    certificate, key = home / "certificate.pem", home / "certificate.key"
    if not (certificate.exists() and key.exists() and _is_valid(certificate)):
        _create(certificate, key)
    return certificate, key


def _is_valid(certificate: Path) -> bool:
    from cryptography import x509  # noqa: PLC0415 (start-up time)

    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    return loaded.not_valid_after_utc > dt.datetime.now(dt.UTC) + dt.timedelta(days=1)


def _create(certificate: Path, key: Path) -> None:
    from cryptography import x509  # noqa: PLC0415 (start-up time)
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 (start-up time)
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 (start-up time)

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_private(key, secret)
    certificate.write_bytes(signed.public_bytes(pem))


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)

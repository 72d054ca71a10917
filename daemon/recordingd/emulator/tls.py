"""A private certificate authority and a server certificate, made at start for ``--tls``.

``server`` calls it once; clients trust the written ``ca.pem``. Keys are new every time and stay in
the state folder. It knows host names, nothing of the service.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recordingd.emulator.options import TlsFault

_LIFE = timedelta(days=30)
_LONG_AGO = _LIFE + timedelta(days=1)
_BACKDATED = timedelta(days=1)  # for clients whose clock is a little behind


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the authority's certificate and the server's certificate and key were written."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def make_tls_files(
    folder: Path, hosts: Sequence[str], now: datetime, fault: TlsFault | None = None
) -> TlsFiles:
    """Write a new authority and a certificate for `hosts` (names or addresses) into `folder`.

    A `fault` makes a certificate that clients must refuse: one that is over since yesterday, one
    for another name, or one of an authority other than the one that is written.
    """
    if fault is TlsFault.WRONG_NAME:
        hosts = ["wrong.example"]
    made = _make(hosts, now, age=_LONG_AGO if fault is TlsFault.EXPIRED else timedelta())
    other = _make(hosts, now, age=timedelta()) if fault is TlsFault.UNTRUSTED else made
    return _written(folder, other.authority, made)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    authority: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _make(hosts: Sequence[str], now: datetime, *, age: timedelta) -> _Made:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("recordingd emulator CA")
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    names = list(dict.fromkeys(hosts))
    certificate = (
        _builder(_name(names[0]), authority_name, key.public_key(), now - age)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_san(host) for host in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    return _Made(authority=authority, certificate=certificate, key=key)


def _written(folder: Path, authority: x509.Certificate, made: _Made) -> TlsFiles:
    files = TlsFiles(
        ca_file=folder / "ca.pem",
        certificate_file=folder / "server.pem",
        key_file=folder / "server.key",
    )
    pem = serialization.Encoding.PEM
    files.ca_file.write_bytes(authority.public_bytes(pem))
    files.certificate_file.write_bytes(made.certificate.public_bytes(pem))
    files.key_file.touch(mode=0o600)
    files.key_file.write_bytes(
        made.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFE)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _san(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

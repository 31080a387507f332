"""The cluster's certificate authority at work on CertificateSigningRequests: reads and signs PKCS#10."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gitrel.clock import Clock, SystemClock
from gitrel.cluster.api import errors
from gitrel.cluster.api.handler import Request
from gitrel.cluster.api.rbac.user import MASTERS
from gitrel.cluster.controllers.certificates.signers import CLIENT, Requested
from gitrel.cluster.kinds.certificates import RESOURCE
from gitrel.cluster.server.certificates import Pair
from gitrel.kube.identity import Object

_EARLIER = timedelta(minutes=5)
"""Certificates count from five minutes ago (`pkg/controller/certificates/authority`)."""

_EXTENDED: Mapping[str, x509.ObjectIdentifier] = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
_PLAIN = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}


class Authority:
    """Implements `controllers.certificates.signers.Authority`."""

    def __init__(self, pair: Pair, clock: Clock | None = None) -> None:
        """`clock` is that of the TLS layer, which knows no virtual time; the system's where none is given."""
        self._clock = clock or SystemClock()
        self.root = pair.certificate.decode()
        self._certificate = x509.load_pem_x509_certificate(pair.certificate)
        self._key = cast(
            ec.EllipticCurvePrivateKey, serialization.load_pem_private_key(pair.key, password=None)
        )

    def read(self, request: str) -> Requested:
        """Raises ValueError."""
        found = _loaded(request)
        names = {
            oid: [str(row.value) for row in found.subject.get_attributes_for_oid(oid)]
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        }
        san = _alternatives(found)
        mails = san.get_values_for_type(x509.RFC822Name)
        uris = san.get_values_for_type(x509.UniformResourceIdentifier)
        return Requested(
            common_name=next(iter(names[NameOID.COMMON_NAME]), ""),
            organizations=names[NameOID.ORGANIZATION_NAME],
            dns=san.get_values_for_type(x509.DNSName),
            addresses=[str(address) for address in san.get_values_for_type(x509.IPAddress)],
            others=[*mails, *uris],
        )

    def sign(self, request: str, usages: Sequence[str], lasts: timedelta, now: datetime) -> str:
        """Raises ValueError where the request was not signed with its own key.

        A cluster's `now` may be far from the time by which the server checks certificates: they are good for
        as long as was asked by either.
        """
        found, outside = _loaded(request), self._clock.now()
        if not found.is_signature_valid:
            raise ValueError("the request is not signed with its own key")
        builder = (
            x509.CertificateBuilder()
            .subject_name(found.subject)
            .issuer_name(self._certificate.subject)
            .public_key(found.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, outside) - _EARLIER)
            .not_valid_after(min(max(now, outside) + lasts, self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if plain := {_PLAIN[usage] for usage in usages if usage in _PLAIN}:
            builder = builder.add_extension(_key_usage(plain), critical=True)
        if extended := [_EXTENDED[usage] for usage in usages if usage in _EXTENDED]:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        if names := list(_alternatives(found)):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def restricted(authority: Authority) -> Callable[[Object, Object | None, Request], None]:
    """CertificateSubjectRestriction: nobody asks for the group that may do everything (a guard of writes)."""

    def check(new: Object, old: Object | None, request: Request) -> None:
        if old is not None or new["spec"]["signerName"] != CLIENT:
            return
        name = new["metadata"]["name"]
        try:
            requested = authority.read(new["spec"]["request"])
        except ValueError as wrong:
            problem = errors.invalid_value("spec.request", "", f"unable to parse request: {wrong}")
            kind = "CertificateSigningRequest"
            raise errors.invalid(kind, "certificates.k8s.io", name, [problem]) from None
        if MASTERS in requested.organizations:
            why = f"use of {CLIENT} signer with {MASTERS} group is not allowed"
            raise errors.forbidden(RESOURCE, name, why)

    return check


def _loaded(request: str) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(b64decode(request))


def _alternatives(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _key_usage(named: set[str]) -> x509.KeyUsage:
    agrees = "key_agreement" in named
    every = dict.fromkeys(_PLAIN.values(), False) | dict.fromkeys(named, True)
    # The last two mean something only with key agreement, and X.509 forbids them without it.
    for only in ("encipher_only", "decipher_only"):
        every[only] = every[only] and agrees
    return x509.KeyUsage(**every)

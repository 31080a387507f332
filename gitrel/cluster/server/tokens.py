"""Signs service accounts' tokens, and knows its own again: JSON Web Tokens with one key of the cluster's.

What a token says is `api/accounts.py`'s business; here is only the key, and the documents by which others may
check a token without asking (OpenID discovery).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gitrel.cluster.api import accounts
from gitrel.cluster.api.accounts import Reader, Untrue
from gitrel.cluster.api.rbac.user import User

_ALGORITHM = "ES256"
KEYS_PATH = "/openid/v1/jwks"


def new_key() -> bytes:
    """A private key, PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Signer:
    """The cluster's key for tokens."""

    def __init__(self, pem: bytes) -> None:
        self._key = cast(ec.EllipticCurvePrivateKey, serialization.load_pem_private_key(pem, password=None))
        self._public = self._key.public_key()
        der = self._public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = sha256(der).hexdigest()[:32]

    def token(self, claims: Mapping[str, Any]) -> str:
        import jwt  # only where a token is made or shown: a server without any starts without it

        return jwt.encode(dict(claims), self._key, algorithm=_ALGORITHM, headers={"kid": self.key_id})

    def claims(self, token: str) -> Mapping[str, Any]:
        """Of a token that was signed with this key. Raises Untrue. Times are not looked at: they are the
        cluster's, which may be virtual."""
        import jwt

        unasked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            return jwt.decode(token, self._public, algorithms=[_ALGORITHM], options=cast(Any, unasked))
        except (jwt.InvalidTokenError, ValueError) as wrong:
            raise Untrue(f"it was not signed here: {wrong}") from None

    def keys(self) -> Mapping[str, Any]:
        """`/openid/v1/jwks`."""
        from jwt.algorithms import ECAlgorithm

        key = ECAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{"use": "sig", "kid": self.key_id, "alg": _ALGORITHM, **key}]}


def discovery(address: str) -> Mapping[str, Any]:
    """`/.well-known/openid-configuration` of a server at `https://address`."""
    return {
        "issuer": accounts.ISSUER,
        "jwks_uri": f"https://{address}{KEYS_PATH}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [_ALGORITHM],
    }


@dataclass(frozen=True, slots=True)
class Accounts:
    """Tokens of one cluster, known by their signature and by what still stands in the cluster."""

    signer: Signer
    read: Reader
    now: Callable[[], datetime]

    def user(self, token: str, audiences: Sequence[str] = accounts.AUDIENCES) -> User | None:
        """None for a token that speaks for nobody."""
        try:
            return accounts.user_of(self.read, token, self.signer.claims(token), audiences, self.now())
        except Untrue:
            return None

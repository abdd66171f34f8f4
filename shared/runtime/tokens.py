"""What the service that signs access tokens and the gateway that verifies them agree on (RFC 7519, RFC 7515)."""

import hashlib

ALGORITHM = "HS256"
LIFETIME_SECONDS = 900


def key_id(secret: str) -> str:
    """Return the `kid` of a signing key: 16 hex digits that tell keys apart and tell nothing about them."""
    return hashlib.sha256(b"aurelius-kid" + secret.encode()).hexdigest()[:16]

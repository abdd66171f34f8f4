"""Refresh tokens: opaque to clients, kept only as a hash, good for one use.

A token is made of a grant and a key, so that a login or refresh whose answer was lost on its way can be answered once
more with the same token, while what is recorded for that is of no use without the key, and forgotten within hours.

A token that was used before is in two hands. Nobody can tell which hand is the owner's, so that its session ends
(RFC 9700, section 4.14.2).
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

import msgspec

from shared.contracts.ids import is_id
from shared.contracts.values import Principal

LIFETIME = timedelta(days=30)
_SEED_BYTES = 32
# Keeps what is signed here apart from all else that the key signs, which is text: access tokens.
_PURPOSE = b"refresh token\0"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A login session with its account; `refresh_hash` is that of the one token it takes next."""

    id: str
    user_id: str
    role: Literal["user", "admin"]
    is_active: bool
    refresh_hash: bytes
    expires_at: datetime
    revoked_at: datetime | None


class Verdict(Enum):
    """What a presented token deserves."""

    ROTATE = "rotate"
    REVOKE = "revoke"
    REFUSE = "refuse"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What the tokens of one login or refresh are made of; `seed` is random."""

    principal: Principal
    seed: bytes
    issued_at: datetime


def new_grant(principal: Principal, now: datetime) -> Grant:
    """Return a grant with a seed of its own."""
    return Grant(principal=principal, seed=secrets.token_bytes(_SEED_BYTES), issued_at=now)


def refresh_token_of(grant: Grant, key: bytes) -> str:
    """Return the grant's token: the session's id, a dot, 256 bits that look random to all who have not seed and key."""
    secret = hmac.digest(key, _PURPOSE + grant.seed, hashlib.sha256)
    return f"{grant.principal.session_id}.{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def session_of(token: str) -> str | None:
    """Return the id of the session a token claims to belong to, or None for what is no token."""
    session_id, dot, _ = token.partition(".")
    return session_id if dot and is_id(session_id) else None


def fingerprint(token: str) -> bytes:
    """Return what is stored of a token: SHA-256, enough for a secret that cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()


def judge(session: Session, presented: bytes, *, used_before: bool, now: datetime) -> Verdict:
    """Decide on the token with the fingerprint `presented`.

    A token that was never given out ends nothing: otherwise whoever learns a session's id could end it.
    """
    if session.revoked_at is not None or session.expires_at <= now or not session.is_active:
        return Verdict.REFUSE
    if hmac.compare_digest(session.refresh_hash, presented):
        return Verdict.ROTATE
    return Verdict.REVOKE if used_before else Verdict.REFUSE

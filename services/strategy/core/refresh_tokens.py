"""Refresh tokens: opaque to clients, kept only as a hash, good for one use.

A token that was used before is in two hands. Nobody can tell which hand is the owner's, so that its session ends
(RFC 9700, section 4.14.2).
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

import msgspec

from shared.contracts.ids import is_id

LIFETIME = timedelta(days=30)
_SECRET_BYTES = 32


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


def new_refresh_token(session_id: str) -> str:
    """Return a fresh token of a session: its id, a dot, 256 random bits."""
    return f"{session_id}.{secrets.token_urlsafe(_SECRET_BYTES)}"


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

"""Access tokens: HS256, for a quarter of an hour."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

ALGORITHM = "HS256"


def token_for(user_id: UUID, secret_key: str, life: timedelta = timedelta(minutes=15)) -> str:
    """Return an access token."""
    now = datetime.now(UTC)
    claims = {"sub": str(user_id), "role": "user", "iat": now, "exp": now + life}
    return jwt.encode(claims, secret_key, ALGORITHM)

"""Access tokens, signed here and verified by the gateway alone."""

from datetime import datetime

import jwt

from shared.contracts.values import Principal
from shared.runtime.tokens import ALGORITHM, LIFETIME_SECONDS, key_id


class AccessTokens:
    """Signs JWTs with one key; its `kid` tells the verifier which, so that keys can be replaced."""

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key
        self._headers = {"kid": key_id(secret_key)}

    def issue(self, principal: Principal, now: datetime) -> str:
        """Return a token that says who `principal` is, for LIFETIME_SECONDS from `now`."""
        issued = int(now.timestamp())
        claims = {
            "sub": principal.user_id,
            "role": principal.role,
            "sid": principal.session_id,
            "iat": issued,
            "exp": issued + LIFETIME_SECONDS,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers=self._headers)

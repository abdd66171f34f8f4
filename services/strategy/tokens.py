"""The tokens of a session: access tokens, verified by the gateway alone, and refresh tokens, which come back here."""

from datetime import datetime

import jwt

from services.strategy.core.refresh_tokens import Grant, refresh_token_of
from shared.contracts.values import Principal
from shared.runtime.tokens import ALGORITHM, LIFETIME_SECONDS, key_id


class SessionTokens:
    """Makes tokens with one key; a JWT's `kid` tells the verifier which, so that keys can be replaced."""

    def __init__(self, secret_key: str) -> None:
        self._key = secret_key
        self._headers = {"kid": key_id(secret_key)}

    def refresh_token(self, grant: Grant) -> str:
        """Return the one token that the session takes next."""
        return refresh_token_of(grant, self._key.encode())

    def access_token(self, principal: Principal, now: datetime) -> str:
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

"""Access tokens."""

from datetime import UTC, datetime

import jwt

from services.strategy.tokens import SessionTokens
from shared.contracts.values import Principal
from shared.runtime.tokens import ALGORITHM, key_id

SECRET = "a-secret-of-tests-alone-0123456789"


def test_a_token_carries_who_in_which_session_and_for_how_long() -> None:
    """Exactly the agreed claims, fifteen minutes, and the id of its key in the header."""
    now = datetime(2026, 3, 1, 12, 0, 0, 900_000, tzinfo=UTC)
    principal = Principal(user_id="u", role="admin", session_id="s")
    token = SessionTokens(SECRET).access_token(principal, now)
    claims = jwt.decode(token, SECRET, algorithms=[ALGORITHM], options={"verify_exp": False, "verify_iat": False})
    issued = int(now.timestamp())
    assert claims == {"sub": "u", "role": "admin", "sid": "s", "iat": issued, "exp": issued + 900}
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": key_id(SECRET)}

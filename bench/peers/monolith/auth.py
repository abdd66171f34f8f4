"""Who asks: the bearer token is verified on each request, as the framework's documentation has it."""

from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bench.peers.monolith.tokens import ALGORITHM

_bearer = HTTPBearer()


async def current_user(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]
) -> UUID:
    """Return the account that a token speaks for."""
    try:
        claims = jwt.decode(credentials.credentials, request.app.state.settings.secret_key, algorithms=[ALGORITHM])
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError) as error:
        raise HTTPException(401, "The token is not valid", {"WWW-Authenticate": "Bearer"}) from error


CurrentUser = Annotated[UUID, Depends(current_user)]

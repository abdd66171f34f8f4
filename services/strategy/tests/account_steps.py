"""Steps that tests of accounts have in common."""

from collections.abc import Sequence

import asyncpg
import jwt

from services.strategy.handlers import AccountHandlers
from services.strategy.tests.conftest import SECRET, call_of
from shared.contracts.messages import LogIn, RefreshTokens, RegisterUser
from shared.contracts.values import Principal, Role, Tokens, User
from shared.runtime.bus.server import Call
from shared.runtime.database import Database

PASSWORD = "correct horse battery staple"
NOBODY = call_of(None)


async def register(accounts: AccountHandlers, email: str = "Ana@Example.com") -> User:
    """Open an account."""
    answer = await accounts.register(RegisterUser(email=email, password=PASSWORD, name=" Ana "), call_of(None))
    assert isinstance(answer.value, User)
    return answer.value


async def log_in(accounts: AccountHandlers, email: str = "ana@example.com", password: str = PASSWORD) -> Tokens:
    """Open a session."""
    answer = await accounts.log_in(LogIn(email=email, password=password), call_of(None))
    assert isinstance(answer.value, Tokens)
    return answer.value


async def refresh(accounts: AccountHandlers, token: str) -> Tokens:
    """Exchange a refresh token."""
    answer = await accounts.refresh(RefreshTokens(refresh_token=token), call_of(None))
    assert isinstance(answer.value, Tokens)
    return answer.value


def claims_of(token: str) -> dict[str, object]:
    """What an access token says."""
    claims: dict[str, object] = jwt.decode(
        token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    return claims


def caller(tokens: Tokens) -> Call:
    """A request with an access token, as the gateway reads it."""
    claims = claims_of(tokens.access_token)
    role: Role = "admin" if claims["role"] == "admin" else "user"
    return call_of(Principal(user_id=str(claims["sub"]), role=role, session_id=str(claims["sid"])))


async def events(database: Database) -> list[tuple[str, str]]:
    """Type and subject of everything that was announced."""
    async with database.reading() as connection:
        return [tuple(row) for row in await connection.fetch("SELECT type, subject FROM outbox ORDER BY id")]


async def rows(database: Database, table: str) -> Sequence[asyncpg.Record]:
    """All rows of a table."""
    async with database.reading() as connection:
        return await connection.fetch(f"SELECT * FROM {table} ORDER BY 1")  # a table's name

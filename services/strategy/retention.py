"""What the strategy service removes when it is too old; docs/database.md has all that grows in one table."""

from datetime import timedelta

from services.strategy.store.expired_sessions import remove_expired, remove_tokens_of_expired
from shared.contracts.clock import Clock
from shared.runtime.care.expiry import Rule
from shared.runtime.database import Database


def rules(database: Database, clock: Clock, sessions_kept_days: float) -> list[Rule]:
    """Return the rules: sessions go so many days after they have expired, their used tokens before them."""
    kept = timedelta(days=sessions_kept_days)

    async def tokens(at_once: int) -> int:
        async with database.reading() as connection:
            return await remove_tokens_of_expired(connection, clock.now() - kept, at_once)

    async def sessions(at_once: int) -> int:
        async with database.reading() as connection:
            return await remove_expired(connection, clock.now() - kept, at_once)

    return [Rule("refresh_tokens", tokens), Rule("sessions", sessions)]

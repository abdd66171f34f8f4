"""`python -m services.strategy.set_role EMAIL admin|user`: give an account a role, which is the operator's alone to do.

DATABASE_URL and REDIS_URL are the strategy service's; where there is no cache, REDIS_ENABLED is false. The role holds
from the account's next login or refresh on, so that tokens of before keep theirs for at most a quarter of an hour.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Literal, cast, get_args

import asyncpg

from services.strategy.core.text import is_storable, normal_email
from services.strategy.store.accounts import lock_account, update_role
from shared.cache.connect import connect
from shared.cache.settings import CacheSettings
from shared.contracts.clock import Clock, SystemClock
from shared.contracts.errors import NotFound, ServiceError
from shared.contracts.events import UserUpdated
from shared.contracts.objects import user_object, users_object
from shared.runtime.database import Database
from shared.runtime.environment import SettingsError, load
from shared.runtime.outbox import announce
from shared.runtime.raising import Raising
from shared.runtime.settings import WriterSettings
from shared.runtime.timings import Timings

Role = Literal["user", "admin"]
USAGE = (
    "usage: DATABASE_URL=postgresql://... REDIS_URL=redis://... python -m services.strategy.set_role EMAIL admin|user"
)


async def set_role(database: Database, clock: Clock, email: str, role: Role) -> bool:
    """Give an account a role and announce it; False when it has that already. Raises NotFound, Unavailable."""
    address = normal_email(email)
    async with database.transaction() as connection:
        account = await lock_account(connection, address) if is_storable(address) else None
        if account is None:
            raise NotFound(f"There is no account with the email {email}; register it first")
        if account.role == role:
            return False
        await update_role(connection, account.id, role)
        event = UserUpdated(id=account.id, owner=account.id, version=0, changed=["role"])
        await announce(connection, event, [user_object(account.id), users_object()], clock=clock)
    return True


async def _main(settings: WriterSettings, email: str, role: Role) -> str:
    cache = connect(CacheSettings.of(settings))
    raising = Raising(cache, settings.cache_policy, Timings("strategy", "set_role"))
    database = Database(settings, "strategy", pool_size=1, raising=raising)
    await database.connect()
    try:
        changed = await set_role(database, SystemClock(), email, role)
    finally:
        await database.close()
        await cache.close()
    return f"{email} has the role {role} from its next login on" if changed else f"{email} has the role {role} already"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; returns the exit code."""
    match arguments:
        case [email, role] if role in get_args(Role):
            try:
                said = asyncio.run(_main(load(WriterSettings), email, cast("Role", role)))
            except SettingsError as error:
                return _refused("\n".join(error.faults), 1)
            except ServiceError as error:
                return _refused(error.detail, 1)
            except asyncpg.PostgresError as error:
                return _refused(f"Postgres refuses DATABASE_URL, which is the strategy service's: {error}", 1)
            sys.stdout.write(f"{said}\n")
            return 0
        case _:
            return _refused(USAGE, 2)


def _refused(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

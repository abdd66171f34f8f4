"""A request that writes, for tests of writing once: what it made is in the outbox."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from shared.contracts.clock import SystemClock
from shared.contracts.events import StrategyCreated
from shared.contracts.ids import new_id
from shared.contracts.objects import strategy_object
from shared.contracts.request import Request
from shared.contracts.values import Principal
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Database
from shared.runtime.once import recorded
from shared.runtime.outbox import announce

ANA, BEN = "ana", "ben"


class Make(Request[dict[str, str]], frozen=True, kw_only=True):
    """Make something of a name, that gets an id."""

    SERVICE = "strategy"
    METHOD = "strategy.make"
    name: str


async def at_once() -> None:
    """Wait for nothing."""


class Maker:
    """Makes things; `before` is awaited before the transaction, `inside` in it before the answer is recorded."""

    def __init__(
        self,
        database: Database,
        before: Callable[[], Awaitable[None]] = at_once,
        inside: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        self._database = database
        self.before = before
        self.inside = inside

    async def make(self, message: Make, call: Call) -> Answer:
        """Make one; its id and name are the answer."""
        await self.before()
        made, owner = new_id(), call.user.user_id
        async with self._database.transaction() as connection:
            event = StrategyCreated(id=made, owner=owner, version=0)
            versions = await announce(connection, event, [strategy_object(made)], clock=SystemClock())
            await self.inside()
            return await recorded(connection, call, Answer({"id": made, "name": message.name}, versions))


def call_of(owner: str = ANA, *, key: str = "", seconds: float = 5.0) -> Call:
    """A new request of an owner's."""
    return Call(new_id(), Principal(user_id=owner), time.time() + seconds, "", key)


def shown(answer: Answer) -> tuple[Any, dict[str, int]]:
    """What the caller of a request is told."""
    body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
    return msgspec.json.decode(body), answer.versions


async def made(database: Database) -> list[str]:
    """The ids of all that was made."""
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT subject FROM outbox ORDER BY id")
    return [row["subject"].partition(":")[2] for row in rows]

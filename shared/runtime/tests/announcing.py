"""Writes to announce, as a store makes them."""

import msgspec
from redis.asyncio import Redis

from shared.contracts.clock import SystemClock
from shared.contracts.events import CloudEvent, StrategyUpdated
from shared.contracts.objects import strategies_object, strategy_object
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.database import Database
from shared.runtime.outbox import announce, record
from shared.runtime.tests.bus_state import entries

STREAM = "aurelius.events.strategy"


async def write(database: Database, strategy: str = "s1", *, owner: str = "me") -> dict[str, int]:
    """Announce a change of one strategy, in a transaction of its own; returns the versions."""
    event = StrategyUpdated(id=strategy, owner=owner, version=0, changed=["name"])
    async with database.transaction() as connection:
        objects = (strategy_object(strategy), strategies_object(owner))
        return await announce(connection, event, objects, clock=SystemClock())


async def wake_up(database: Database, number: int) -> None:
    """Hand over a job."""
    async with database.transaction() as connection:
        await record(
            connection,
            stream=JOBS_BACKTEST,
            event_type="backtest",
            subject=f"backtest:{number}",
            owner="me",
            time="2026-01-02T03:04:05Z",
            data=b"{}",
        )


async def published(redis: Redis) -> list[CloudEvent]:
    """Return what is in the stream, and check that each entry's id is its sequence, without a gap."""
    found = await entries(redis, STREAM)
    events = [CloudEvent.from_entry(entry.fields) for entry in found]
    assert [entry.id.decode() for entry in found] == [f"{number}-0" for number in range(1, len(found) + 1)]
    assert [event.sequence for event in events] == list(range(1, len(found) + 1))
    assert len({event.id for event in events}) == len(events)
    return events


def version(event: CloudEvent) -> int:
    """Return the version that an event announces."""
    return msgspec.json.decode(event.data, type=StrategyUpdated).version


async def unpublished(database: Database) -> object:
    """Return how many rows wait in the outbox."""
    async with database.reading() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")

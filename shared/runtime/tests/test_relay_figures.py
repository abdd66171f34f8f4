"""What the metrics service hears of a relay."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.metrics.core.names import REPORTED
from shared.contracts.clock import SystemClock
from shared.contracts.events import rfc3339
from shared.contracts.timings import TimingBatch
from shared.runtime.bus.connection import make_client
from shared.runtime.database import Database
from shared.runtime.relay import Relay
from shared.runtime.relaying.backlog import Backlog
from shared.runtime.relaying.figures import report_relay
from shared.runtime.relaying.retention import Keeping
from shared.runtime.tests.announcing import STREAM, write
from shared.runtime.tests.relays import relay_all
from shared.runtime.timings import Timings

pytestmark = pytest.mark.integration


def reported(relay: Relay) -> TimingBatch:
    """Return one batch."""
    timings = Timings("strategy", "one")
    report_relay(timings, relay)
    return timings.batch()


def gauges(relay: Relay) -> dict[str, float]:
    """Return how much waits, and since when."""
    return {gauge.name: gauge.value for gauge in reported(relay).gauges}


async def test_a_backlog_is_told_while_the_bus_is_away(database: Database, bus: Redis) -> None:
    """How many rows, and for how long the oldest has waited; a relay that is not at work tells nothing of it."""
    away = make_client("redis://127.0.0.1:1/0")
    relay = Relay(database, away, "one")
    for _ in range(3):
        await write(database)
    async with database.reading() as connection:
        before = rfc3339(SystemClock().now() - timedelta(minutes=5))
        await connection.execute("UPDATE outbox SET time = $1 WHERE id = (SELECT min(id) FROM outbox)", before)
    with pytest.raises(RedisError):
        await relay.relay_once()
    await away.aclose()
    assert gauges(relay)["relay_backlog"] == 3
    assert 300 <= gauges(relay)["outbox_oldest_unpublished_seconds"] < 330
    other = Relay(database, bus, "other")
    other.backlog.rows = 7
    assert await other.relay_once() == 0
    assert gauges(other) == {"relay_backlog": 0, "outbox_oldest_unpublished_seconds": 0}
    well = Relay(database, bus, "one")
    await relay_all(well)
    await well.relay_once(keep=True)
    assert gauges(well) == {"relay_backlog": 0, "outbox_oldest_unpublished_seconds": 0}


async def test_the_oldest_is_found_whichever_stream_it_waits_for(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more than are counted; of those that have their place in a stream, and of those that have none yet."""
    monkeypatch.setattr("shared.runtime.relaying.backlog.COUNTED", 2)
    for _ in range(4):
        await write(database)
    backlog = Backlog()
    for number, (placed, row) in enumerate([(True, "max"), (False, "min"), (True, "min")], start=1):
        before = rfc3339(SystemClock().now() - timedelta(minutes=number))
        async with database.reading() as connection:
            await connection.execute(
                f"UPDATE outbox SET time = $1, stream = stream || $2, sequence = $3 "
                f"WHERE id = (SELECT {row}(id) FROM outbox WHERE sequence IS NULL)",
                before, str(number), 1 if placed else None,
            )  # fmt: skip
            await connection.execute(
                "INSERT INTO stream_sequence SELECT stream, 1 FROM outbox WHERE sequence = 1 ON CONFLICT DO NOTHING"
            )
            await backlog.look(connection)
        assert backlog.rows == 2
        assert 60 * number <= backlog.seconds < 60 * number + 30


async def test_losses_are_counted(database: Database, bus: Redis) -> None:
    """Events that were appended again, groups that were dropped, rows that went; every name is one that is known."""
    relay = Relay(database, bus, "one", Keeping(kept=0.0, owed=0.0))
    for _ in range(4):
        await write(database)
    await relay.relay_once(keep=False)
    await bus.flushall()
    await relay.relay_once(keep=False)
    await bus.xgroup_create(STREAM, "readers", id="0")
    await relay_all(relay)
    batch = reported(relay)
    assert [(counter.name, counter.labels, counter.value) for counter in batch.counters] == [
        ("relay_rebuilt", {"stream": STREAM}, 4),
        ("relay_groups_dropped", {"stream": STREAM, "reason": "time"}, 1),
        ("retention_removed", {"what": "events"}, 4),
    ]
    assert {("counter", counter.name) for counter in batch.counters} <= REPORTED.keys()
    assert {("gauge", gauge.name) for gauge in batch.gauges} <= REPORTED.keys()

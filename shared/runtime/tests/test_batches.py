"""Reads that bring in whole what was written in one go."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.runtime.bus.batches import Entries, read_batch
from shared.runtime.bus.connection import make_client
from shared.runtime.tests.eventually import eventually
from shared.wire import Wire

pytestmark = pytest.mark.integration

STREAM, GROUP = "stream", "group"


@pytest.fixture
async def wire(bus_url: str, redis: Redis) -> AsyncIterator[Wire]:
    """A reader's connection; the stream and a group of it are there."""
    await redis.xgroup_create(STREAM, GROUP, mkstream=True)
    client = make_client(bus_url)
    made = await Wire.connect(client.connection_pool)
    yield made
    made.close()
    await client.aclose()


def through_group(count: int, *, block: int = 60_000) -> tuple[str | bytes, ...]:
    """Return the command as redis-py makes it."""
    return "XREADGROUP", b"GROUP", GROUP, "me", b"COUNT", str(count), b"BLOCK", str(block), b"STREAMS", STREAM, ">"


def alone(count: int, last_id: str = "0") -> tuple[str | bytes, ...]:
    """Return the one without a group."""
    return "XREAD", b"BLOCK", "60000", b"COUNT", str(count), b"STREAMS", STREAM, last_id


async def write(redis: Redis, count: int) -> None:
    """Add entries in one pipeline: their numbers."""
    pipeline = redis.pipeline(transaction=False)
    for number in range(count):
        pipeline.xadd(STREAM, {"number": number})
    await pipeline.execute()


def numbers(read: list[tuple[bytes, Entries]]) -> list[int]:
    """Return what was read, of the one stream."""
    ((stream, entries),) = read
    assert stream == STREAM.encode()
    return [int(fields[b"number"]) for _, fields in entries]


@pytest.mark.parametrize("command", [through_group(100), alone(100)])
async def test_a_pipeline_comes_in_one_batch(wire: Wire, redis: Redis, command: tuple[str, ...]) -> None:
    """Though the reader was waiting for its first entry."""
    reading = asyncio.create_task(read_batch(wire, command))

    async def waits() -> bool:
        return int((await redis.info("clients"))["blocked_clients"]) == 1

    await eventually(waits)
    await write(redis, 50)
    assert numbers(await reading) == list(range(50))


@pytest.mark.parametrize("count", [1, 2, 7, 30])
async def test_a_batch_has_its_bound(wire: Wire, redis: Redis, count: int) -> None:
    """What is more comes with the next, each entry once."""
    await write(redis, 20)
    assert numbers(await read_batch(wire, alone(count))) == list(range(min(count, 20)))
    seen: list[int] = []
    while len(seen) < 20:
        batch = numbers(await read_batch(wire, through_group(count)))
        assert len(batch) <= count
        seen += batch
    assert seen == list(range(20))


async def test_nothing_is_an_empty_answer(wire: Wire) -> None:
    """When the time to wait is over."""
    assert await read_batch(wire, through_group(10, block=1)) == []


async def test_a_refusal_is_raised(wire: Wire, redis: Redis) -> None:
    """Such as that of a group that is gone; the connection is as good as before."""
    await redis.xgroup_destroy(STREAM, GROUP)
    with pytest.raises(ResponseError, match="NOGROUP"):
        await read_batch(wire, through_group(10))
    await write(redis, 1)
    assert numbers(await read_batch(wire, alone(10))) == [0]

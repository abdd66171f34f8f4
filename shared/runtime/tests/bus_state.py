"""What is on the bus, seen from outside."""

from collections.abc import Mapping
from typing import cast

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from shared.runtime.bus.connection import Entry


async def entries(redis: Redis, stream: str) -> list[Entry]:
    """Return every entry of a stream."""
    found = cast("list[tuple[bytes, dict[bytes, bytes]]]", await redis.xrange(stream))
    return [Entry(entry_id, fields) for entry_id, fields in found]


async def given_unseen(redis: Redis, stream: str, group: str, consumer: str, fields: Mapping[str, str | bytes]) -> None:
    """Have an entry delivered to a consumer unseen, as when its read was cut off with the answer on its way."""
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.xadd(stream, dict[FieldT, EncodableT](fields.items()))
        pipeline.xreadgroup(group, consumer, {stream: ">"})
        await pipeline.execute()


async def pending(redis: Redis, stream: str, group: str) -> int:
    """Return how many entries the group was given and has not acknowledged."""
    return cast("int", (await redis.xpending(stream, group))["pending"])


async def emptied(redis: Redis, stream: str, group: str) -> bool:
    """Say whether nothing is left in a stream, neither waiting nor being handled."""
    return await redis.xlen(stream) == 0 and await pending(redis, stream, group) == 0


async def next_entries(redis: Redis, stream: str, group: str, number: int, *, block: int | None = None) -> list[Entry]:
    """Return what a group is given next, so many entries at most, waiting `block` milliseconds for the first."""
    answer = await redis.xreadgroup(group, "one", {stream: ">"}, count=number, block=block)
    streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer)
    return [Entry(entry_id, fields) for _, found in streams for entry_id, fields in found]

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

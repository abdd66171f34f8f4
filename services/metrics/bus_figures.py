"""What the bus says of its streams and their consumer groups."""

from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.metrics.core.names import GROUP_LAG, GROUP_PENDING, STREAM_LENGTH
from services.metrics.core.stream_lag import entries_behind
from services.metrics.core.totals import Series
from shared.contracts.streams import STREAMS, Stream

# A reply stream belongs to one process and has no fixed name.
_FIXED: Final[tuple[Stream, ...]] = tuple(stream for stream in STREAMS if "<" not in stream.name)


async def bus_figures(client: Redis) -> dict[str, Series]:
    """Ask for every stream of the table in one pipeline. Raises RedisError or OSError when the bus does not answer."""
    pipeline = client.pipeline(transaction=False)
    for stream in _FIXED:
        pipeline.xinfo_stream(stream.name)
        pipeline.xinfo_groups(stream.name)
    replies = await pipeline.execute(raise_on_error=False)
    lengths: Series = {}
    pending: Series = {}
    lags: Series = {}
    for stream, info, groups in zip(_FIXED, replies[::2], replies[1::2], strict=True):
        if isinstance(info, ResponseError) or isinstance(groups, ResponseError):
            lengths[stream.name,] = [0]  # a stream that nobody has written to yet
            continue
        lengths[stream.name,] = [info["length"]]
        for group in groups:
            key = (stream.name, group["name"].decode())
            pending[key] = [group["pending"]]
            behind = entries_behind(stream.ids, info["last-generated-id"], group["last-delivered-id"], group["lag"])
            if behind is not None:
                lags[key] = [behind]
    return {STREAM_LENGTH.name: lengths, GROUP_PENDING.name: pending, GROUP_LAG.name: lags}

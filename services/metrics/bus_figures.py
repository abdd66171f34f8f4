"""What the bus says of itself, of its streams and of their consumer groups."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.metrics.core.server_names import GROUP_LAG, GROUP_OLDEST_PENDING, GROUP_PENDING, STREAM_LENGTH
from services.metrics.core.stream_lag import entries_behind, seconds_since
from services.metrics.core.totals import MAX_LABEL, Series
from services.metrics.redis_figures import Info
from shared.contracts.streams import STREAMS, Stream

# Programs of others make groups of their own, as many as they like and of any name.
MAX_OTHERS: Final = 100
"""Groups of a stream that are told of, besides ours."""

# A reply stream belongs to one process and has no fixed name.
_FIXED: Final[tuple[Stream, ...]] = tuple(stream for stream in STREAMS if "<" not in stream.name)


class Bus(NamedTuple):
    """What it says: its answer to INFO, and the figures of the streams."""

    info: Info
    series: dict[str, Series]


async def read_bus(client: Redis) -> Bus:
    """Ask for every stream of the table in two pipelines. Raises RedisError or OSError when the bus does not answer."""
    pipeline = client.pipeline(transaction=False)
    pipeline.info()
    for stream in _FIXED:
        pipeline.xinfo_stream(stream.name)
        pipeline.xinfo_groups(stream.name)
    info, *replies = await pipeline.execute(raise_on_error=False)
    if isinstance(info, Exception):
        raise info
    figures: dict[str, Series] = {metric.name: {} for metric in (STREAM_LENGTH, GROUP_PENDING, GROUP_LAG)}
    owing = []
    for stream, about, groups in zip(_FIXED, replies[::2], replies[1::2], strict=True):
        if isinstance(about, ResponseError) or isinstance(groups, ResponseError):
            if "no such key" in f"{about} {groups}":
                figures[STREAM_LENGTH.name][stream.name,] = [0]  # nobody has written to it yet
            continue
        figures[STREAM_LENGTH.name][stream.name,] = [about["length"]]
        for group in _told(stream, groups):
            key = (stream.name, group["name"])
            figures[GROUP_PENDING.name][key] = [group["pending"]]
            behind = entries_behind(stream.ids, about["last-generated-id"], group["last-delivered-id"], group["lag"])
            if behind is not None:
                figures[GROUP_LAG.name][key] = [behind]
            if stream.ids == "*":
                owing.append(key)
    figures[GROUP_OLDEST_PENDING.name] = await _oldest_pending(client, owing, info["server_time_usec"] / 1e6)
    return Bus(info, figures)


def _told(stream: Stream, groups: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Return ours and MAX_OTHERS at most, those that have a name fit for a label.

    Not one that is called like a reader of ours without a group: a release before made it, and nobody reads through it.
    """
    ours = {reader.group for reader in stream.readers if reader.group}
    left = {reader.name for reader in stream.readers if not reader.group}
    named = [{**group, "name": group["name"].decode(errors="replace")} for group in groups]
    others = (group for group in named if group["name"] not in ours | left and len(group["name"]) <= MAX_LABEL)
    return [*(group for group in named if group["name"] in ours), *islice(others, MAX_OTHERS)]


async def _oldest_pending(client: Redis, groups: Sequence[tuple[str, str]], now: float) -> Series:
    """Return the age of the oldest entry that each group owes; `now` is the bus's time in seconds."""
    pipeline = client.pipeline(transaction=False)
    for stream, group in groups:
        pipeline.xpending(stream, group)
    summaries = await pipeline.execute(raise_on_error=False) if groups else []
    return {
        key: [seconds_since(summary["min"], now) if summary["pending"] else 0.0]
        for key, summary in zip(groups, summaries, strict=True)
        if not isinstance(summary, ResponseError)
    }

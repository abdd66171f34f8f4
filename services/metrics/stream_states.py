"""Every stream of the bus as it is now, for administrators."""

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from services.metrics.core.stream_lag import entries_behind
from shared.contracts.bus_messages import ConsumerState, DescribeStreams, GroupState, StreamPage, StreamState
from shared.contracts.errors import Forbidden, Unavailable
from shared.contracts.streams import STREAMS, Stream
from shared.runtime.bus.server import Answer, Call


class StreamStates:
    """Asks the bus when it is asked."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def describe(self, _: DescribeStreams, call: Call) -> Answer:
        """Describe the streams that have a fixed name. Raises Forbidden, Unavailable."""
        if call.user.role != "admin":
            raise Forbidden("This is for administrators")
        try:
            states = [await self._state(stream) for stream in STREAMS if "<" not in stream.name]
        except (RedisError, OSError) as error:
            raise Unavailable("The bus does not tell how its streams are") from error
        return Answer(StreamPage(items=states))

    async def _state(self, stream: Stream) -> StreamState:
        try:
            about: dict[str, Any] = await self._client.xinfo_stream(stream.name)
            groups = [await self._group(stream, about, group) for group in await self._client.xinfo_groups(stream.name)]
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return StreamState(name=stream.name, kept=stream.kept, length=0, first_id=None, last_id=None, groups=[])
        return StreamState(
            name=stream.name,
            kept=stream.kept,
            length=about["length"],
            first_id=_id_of(about["first-entry"]),
            last_id=_id_of(about["last-entry"]),
            groups=groups,
        )

    async def _group(self, stream: Stream, about: dict[str, Any], group: Any) -> GroupState:  # noqa: ANN401  # as told
        consumers = await self._client.xinfo_consumers(stream.name, group["name"])
        delivered: bytes = group["last-delivered-id"]
        return GroupState(
            name=_text(group["name"]),
            last_delivered_id=_text(delivered),
            pending=group["pending"],
            lag=entries_behind(stream.ids, about["last-generated-id"], delivered, group["lag"]),
            consumers=[
                ConsumerState(name=_text(found["name"]), pending=found["pending"], idle_ms=found["idle"])
                for found in consumers
            ],
        )


def _id_of(entry: tuple[bytes, object] | None) -> str | None:
    return None if entry is None else _text(entry[0])


def _text(name: bytes) -> str:
    return name.decode(errors="replace")

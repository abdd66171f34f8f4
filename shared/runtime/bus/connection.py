"""How a process connects to the bus: a FastStream broker that reads, a redis-py client that writes."""

from collections.abc import Awaitable, Callable
from typing import Self, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import FAKE_CONSUMER, BatchStreamMessage, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases import stream_subscriber
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from faststream.types import DecodedMessage
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.runtime.bus.pool import Pool
from shared.runtime.bus.reading import PAUSE_SECONDS, Broker

# RESP2: over RESP3 redis-py 8.1 hands out connections that the server has closed. So short that a half-open connection
# is noticed, and all is well again within five seconds; above BLOCK_MS, so that a blocking read is not taken for one.
SOCKET_TIMEOUT = 2.5
CONNECT_TIMEOUT = 2.0
BLOCK_MS = 1000
# The relay and each reclaimer use one at a time; the rest is for whoever asks how the process is.
CLIENT_CONNECTIONS = 16
# Readers have one each besides; these are for what they ask when they start.
READER_CONNECTIONS = 16

# FastStream's own 5 s are a constant with no setting.
stream_subscriber.CONSUME_ERROR_BACKOFF_SECONDS = PAUSE_SECONDS  # type: ignore[attr-defined,assignment]  # not in its __all__


class Entry(msgspec.Struct, frozen=True):
    """One stream entry: its id and its fields, as they came."""

    id: bytes
    fields: dict[bytes, bytes]

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> dict[str, object]:
        """Let FastStream, which asks pydantic, describe a reader whose handler takes entries."""
        return {"type": "any"}

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: object) -> dict[str, object]:
        """Describe an entry in the AsyncAPI document."""
        return {"title": "Entry", "type": "object", "additionalProperties": {"type": "string"}}


def make_client(url: str) -> Redis:
    """Return a client that never retries: a retry could append twice when only the answer was lost."""
    pool = Pool.from_url(
        url,
        max_connections=CLIENT_CONNECTIONS,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
    )
    return Redis.from_pool(pool)


def make_broker(url: str, *, drain_seconds: float = 2.0) -> Broker:
    """Return a broker whose batch subscribers are handed `list[Entry]`; acknowledging is their own work.

    A subscriber that is stopped gives the batch in its hands `drain_seconds` to be done.
    """
    return Broker(
        _resp2(url),
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        max_connections=READER_CONNECTIONS,
        parser=_parse,
        decoder=_decode,
        apply_types=False,
        logger=None,  # documented as off; our own code logs what matters
        graceful_timeout=drain_seconds,
    )


def _resp2(url: str) -> str:
    """Name the protocol in the URL: it is the one way that FastStream and redis-py share."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, "protocol=2")))))


Handler = Callable[[list[Entry]], Awaitable[None]]


async def _parse(message: BatchStreamMessage) -> RedisBatchStreamMessage:
    # Each batch would be given a random id otherwise, which nobody looks at.
    return RedisBatchStreamMessage(
        raw_message=message, body=b"", consumer=FAKE_CONSUMER, group=None, correlation_id=message["channel"]
    )


async def _decode(message: StreamMessage[BatchStreamMessage]) -> DecodedMessage:
    return list(map(Entry, message.raw_message["message_ids"], message.raw_message["data"]))  # type: ignore[arg-type]


class _Stream(StreamSub):
    """A stream without a prefix: FastStream puts one before a deep copy, several times for each batch."""

    def add_prefix(self, prefix: str) -> Self:
        """Return the stream itself. Raises ValueError for a prefix."""
        if prefix:
            raise ValueError("the names of streams are whole: see shared.contracts.streams")
        return self


def subscribe(
    broker: RedisBroker,
    stream: str,
    handler: Handler,
    *,
    group: str | None = None,
    consumer: str | None = None,
    max_records: int = 200,
    last_id: str | None = None,
) -> StreamBatchSubscriber:
    """Register `handler` for batches of `stream`: through `group` as `consumer`, or without a group from `last_id`."""
    made = broker.subscriber(
        stream=_Stream(
            stream,
            group=group,
            consumer=consumer,
            batch=True,
            max_records=max_records,
            polling_interval=BLOCK_MS,
            last_id=last_id,
        ),
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        title=f"{stream}, group {group}" if group else stream,
    )
    made(handler)
    return cast("StreamBatchSubscriber", made)  # which `batch` makes it

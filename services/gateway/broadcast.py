"""Streams that each process of the gateway reads whole: what is written there is for all of them."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.runtime.bus.connection import Entry, subscribe

T = TypeVar("T")


def hear(
    broker: RedisBroker, stream: str, field: bytes, kind: type[T], take: Callable[[T], None]
) -> StreamBatchSubscriber:
    """Have `take` given the message in this field of each entry, but for those of a version that this one cannot read.

    The stream is read from its beginning, which is not long ago: with "$" an entry between two reads would be lost.
    """
    decoder = msgspec.json.Decoder(kind)

    async def receive(entries: list[Entry]) -> None:
        for entry in entries:
            try:
                message = decoder.decode(entry.fields.get(field, b""))
            except msgspec.MsgspecError:
                continue
            take(message)

    return subscribe(broker, stream, receive, last_id="0")

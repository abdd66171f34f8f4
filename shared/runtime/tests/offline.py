"""A service whose readers run without a bus: FastStream's own test broker, and a writer that remembers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from faststream.redis import TestRedisBroker
from faststream.redis.message import BatchStreamMessage
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.runtime import service as service_module
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.writer import Answer
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.wire import Command, Heard

NOWHERE = "redis://127.0.0.1:1/0"


class Remembering:
    """Stands for the coalescing writer: `sent` are the commands, each answered with nothing."""

    def __init__(self, *_: object) -> None:
        self.sent: list[Command] = []
        self.silent = False

    def send(self, command: Command, heard: Heard) -> None:
        """Note a command."""
        self.sent.append(command)
        heard(None)

    def submit(self, *command: str | bytes | int) -> asyncio.Future[Answer]:
        """Note a command."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        self.sent.append(command)
        return future

    post = submit


class Offline:
    """One such service."""

    def __init__(self, service: Service, writer: Remembering) -> None:
        self.service = service
        self.writer = writer

    async def deliver(self, stream: str, entries: Iterable[Entry]) -> None:
        """Hand a batch to the reader of a stream, as if it had been read."""
        batch = list(entries)
        message = BatchStreamMessage(
            type="bstream",
            channel=stream,
            data=[entry.fields for entry in batch],
            message_ids=[entry.id for entry in batch],
        )
        (subscriber,) = (found for found in self.subscribers() if found.stream_sub.name == stream)
        await subscriber.process_message(message)

    def subscribers(self) -> list[StreamBatchSubscriber]:
        """Return the readers."""
        return [found for found in self.service.broker.subscribers if isinstance(found, StreamBatchSubscriber)]


def make_offline(name: str, patch: pytest.MonkeyPatch) -> Offline:
    """Return a service that is connected to nothing; add what it reads and answers, then run it in `offline`."""
    patch.setattr(service_module, "StreamWriter", Remembering)
    service = Service(name, Settings(bus_url=NOWHERE))
    assert isinstance(service.writer, Remembering)
    return Offline(service, service.writer)


@asynccontextmanager
async def offline(made: Offline) -> AsyncIterator[Offline]:
    """Run its readers."""
    async with TestRedisBroker(made.service.broker):
        yield made

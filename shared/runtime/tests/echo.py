"""A service to ask, and a process to ask it from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.contracts.errors import ServiceError
from shared.contracts.messages import Request
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Answer, Call, HandlerOf
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import Settings

RPC = "aurelius.rpc.echo"
DEAD = "aurelius.dead.rpc.echo"


class Say(Request[str], frozen=True, kw_only=True):
    """Answer with the text."""

    SERVICE = "echo"
    METHOD = "echo.say"
    text: str


async def echo(message: Say, _: Call) -> Answer:
    """Answer at once."""
    return Answer(message.text)


class Hold:
    """A handler that answers a text only when it is released; other texts than those held are answered at once."""

    def __init__(self, *held: str) -> None:
        self.taken: list[str] = []
        self._events = {text: asyncio.Event() for text in held}

    async def __call__(self, message: Say, _: Call) -> Answer:
        """Answer, when released."""
        self.taken.append(message.text)
        if message.text in self._events:
            await self._events[message.text].wait()
        return Answer(message.text)

    def release(self) -> None:
        """Answer all that is held, and whatever comes."""
        for event in self._events.values():
            event.set()

    async def took(self, *texts: str) -> bool:
        """Say whether all these were taken."""
        return set(texts) <= set(self.taken)


@asynccontextmanager
async def answering(bus_url: str, handler: HandlerOf[Say], *, objects: Objects | None = None) -> AsyncIterator[Service]:
    """Run the service."""
    service = Service("echo", Settings(bus_url=bus_url), objects=objects)
    service.requests().handle(Say, handler)
    async with service.running():
        yield service


@asynccontextmanager
async def asking(bus_url: str, *, objects: Objects | None = None) -> AsyncIterator[Caller]:
    """Run a process that asks."""
    service = Service("asker", Settings(bus_url=bus_url), objects=objects)
    caller = service.caller()
    async with service.running():
        yield caller


@asynccontextmanager
async def talking(bus_url: str, handler: HandlerOf[Say], *, objects: Objects | None = None) -> AsyncIterator[Caller]:
    """Run both."""
    async with answering(bus_url, handler, objects=objects), asking(bus_url, objects=objects) as caller:
        yield caller


async def answers(caller: Caller) -> bool:
    """Say whether a request is answered now."""
    try:
        heard, _ = await caller.call(Say(text="again"), seconds=1)
    except ServiceError:
        return False
    return heard == "again"

"""One connection on which commands do not wait for each other."""

import asyncio
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.runtime.bus.connection import make_client
from shared.runtime.tests.eventually import eventually
from shared.wire import LOOKS, Wire
from tests.seconds import allowed


class FakeTransport:
    """Keeps what is written; the test plays the bus."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.wire: Wire | None = None
        self._closing = False

    def set_protocol(self, wire: Wire) -> None:
        """Take the side that listens."""
        self.wire = wire

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def is_closing(self) -> bool:
        """Say whether it was ended."""
        return self._closing

    def abort(self) -> None:
        """End, and say so as transports do: later."""
        self._closing = True
        if self.wire is not None:
            asyncio.get_running_loop().call_soon(self.wire.connection_lost, None)


def wired(silence: float = 60.0) -> tuple[Wire, FakeTransport]:
    """Return a wire and the fake at its other end."""
    transport = FakeTransport()
    connection = SimpleNamespace(_writer=SimpleNamespace(transport=transport), _reader=None)
    return Wire(cast("Connection", connection), silence), transport


async def test_what_is_sent_in_one_turn_goes_out_in_one_write() -> None:
    """And the answers are told in the order of the commands, however they are cut into pieces on the way."""
    wire, transport = wired()
    heard: list[object] = []
    for number in range(3):
        wire.send(("PING", number), heard.append)
    await asyncio.sleep(0)
    assert transport.writes == [b"".join(b"*2\r\n$4\r\nPING\r\n$1\r\n%d\r\n" % number for number in range(3))]
    for byte in b"$3\r\none\r\n-ERR two\r\n*2\r\n:3\r\n$-1\r\n":
        wire.data_received(bytes((byte,)))
    assert heard[0] == b"one"
    assert isinstance(heard[1], ResponseError)
    assert heard[2] == [3, None]
    assert wire.waiting == 0


async def test_what_is_unanswered_fails_with_the_connection() -> None:
    """What is sent afterwards fails too, without a write to what is closed."""
    wire, transport = wired()
    asking = asyncio.create_task(wire.ask(("PING",), ("PING",)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    wire.data_received(b"+PONG\r\n")
    wire.eof_received()
    late = asyncio.create_task(wire.ask(("PING",)))
    wire.connection_lost(None)
    first, second = await asking
    assert first == b"PONG"
    assert isinstance(second, RedisConnectionError)
    assert isinstance((await late)[0], RedisConnectionError)
    assert wire.closed
    assert len(transport.writes) == 1


async def test_a_bus_that_is_silent_for_too_long_is_lost() -> None:
    """A connection that is half open would hold those who wait for ever. Nothing asked, nothing missed."""
    wire, transport = wired(silence=0.02)
    asking = asyncio.create_task(wire.ask(("PING",)))
    await eventually(lambda: written(transport, 1))
    wire.data_received(b"+PONG\r\n")
    assert await asking == [b"PONG"]
    await asyncio.sleep(0.05)  # longer than the silence that is allowed
    assert not wire.closed
    async with asyncio.timeout(allowed(5)):
        (answer,) = await wire.ask(("PING",))
    assert "did not answer for 0.02 s" in str(answer)
    assert wire.closed


async def test_a_bus_that_goes_on_answering_is_not_lost() -> None:
    """However long it takes until nothing is unanswered: it is silent for as long as no word of it comes."""
    wire, _ = wired()
    for number in range(2 * LOOKS):
        wire.send(("PING", number), lambda _: None)
        wire._watch(60.0)
        wire.send(("PING", number), lambda _: None)
        wire.data_received(b"+PONG\r\n")
    assert wire.waiting == 2 * LOOKS
    assert not wire.closed
    for _ in range(LOOKS):
        wire._watch(60.0)
    assert wire.closed


async def written(transport: FakeTransport, times: int) -> bool:
    """Say whether so many writes went out."""
    return len(transport.writes) == times


async def test_who_gives_up_ends_the_connection() -> None:
    """Or the bus would hand entries to a reader that is gone."""
    wire, transport = wired()
    asking = asyncio.create_task(wire.ask(("XREAD",)))
    await eventually(lambda: written(transport, 1))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert wire.closed
    assert transport.is_closing()


@pytest.mark.integration
async def test_it_connects_as_the_pool_says(bus_url: str, redis: Redis) -> None:
    """As its user and to its database; and a closed one is closed at the server too."""
    client = make_client(f"{bus_url}/3")
    wire = await Wire.connect(client.connection_pool)

    async def gone() -> bool:
        return "3" not in [each["db"] for each in await redis.client_list()]

    assert await wire.ask(("ACL", "WHOAMI"), ("SET", "a", 1)) == [str(urlsplit(bus_url).username).encode(), b"OK"]
    assert not await gone()
    wire.close()
    await eventually(gone)
    await client.aclose()

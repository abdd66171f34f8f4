"""The proxy in which a network fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.ports import free_ports
from tests.faults.proxy import SUBSCRIBE, Proxy

QUIET = 0.1


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """One before a server that sends back what it is sent."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    yield proxy
    await proxy.close()
    server.close()


class Client:
    """A connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def echoed(self, data: bytes) -> bytes:
        """Send, and return as much of what comes back."""
        self.writer.write(data)
        async with asyncio.timeout(5):
            return await self.reader.readexactly(len(data))

    async def hears_nothing(self) -> bool:
        """Say whether nothing comes, neither bytes nor an end, for a moment."""
        try:
            async with asyncio.timeout(QUIET):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Client]:
    """Connect to what the proxy is before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield Client(reader, writer)
    writer.close()


async def test_bytes_pass_in_order(proxy: Proxy) -> None:
    """Ten megabytes come back as they were sent, and a closed connection is forgotten."""
    data = bytes(range(256)) * 40_000
    async with connected(proxy) as client:
        assert await client.echoed(data) == data
        assert proxy.connections == 1
    async with asyncio.timeout(5):
        while proxy.connections:
            await asyncio.sleep(0.01)


async def test_the_end_passes(proxy: Proxy) -> None:
    """When one side closes the other is told."""
    async with connected(proxy) as client:
        await client.echoed(b"a")
        client.writer.write_eof()
        async with asyncio.timeout(5):
            assert await client.reader.read() == b""


async def test_a_reset_ends_what_is_connected(proxy: Proxy) -> None:
    """With an error and at once; a new connection works."""
    async with connected(proxy) as client:
        await client.echoed(b"a")
        proxy.reset()
        with pytest.raises(ConnectionError):
            await client.echoed(b"b")
    async with connected(proxy) as client:
        assert await client.echoed(b"c") == b"c"


async def test_a_silent_connection_never_speaks_again(proxy: Proxy) -> None:
    """It stays open and hears nothing, even after others can speak."""
    async with connected(proxy) as before:
        await before.echoed(b"a")
        proxy.fall_silent()
        async with connected(proxy) as meanwhile:
            before.writer.write(b"b")
            meanwhile.writer.write(b"c")
            assert await before.hears_nothing()
            assert await meanwhile.hears_nothing()
            proxy.speak()
            async with connected(proxy) as after:
                assert await after.echoed(b"d") == b"d"
            assert await before.hears_nothing()
            assert await meanwhile.hears_nothing()


async def test_a_connection_is_forgotten(proxy: Proxy) -> None:
    """What is connected falls silent for ever; what connects after that is heard."""
    async with connected(proxy) as before:
        await before.echoed(b"a")
        proxy.forget()
        async with connected(proxy) as after:
            assert await after.echoed(b"b") == b"b"
            before.writer.write(b"c")
            assert await before.hears_nothing()


async def test_of_those_who_subscribed_alone_is_forgotten(proxy: Proxy) -> None:
    """The others of the same process go on."""
    async with connected(proxy) as subscriber, connected(proxy) as other:
        assert await subscriber.echoed(SUBSCRIBE) == SUBSCRIBE
        assert await other.echoed(b"a") == b"a"
        proxy.forget(SUBSCRIBE)
        subscriber.writer.write(b"b")
        assert await subscriber.hears_nothing()
        assert await other.echoed(b"c") == b"c"


async def test_the_end_does_not_pass_in_silence(proxy: Proxy) -> None:
    """One side leaves, and the other is not told."""
    async with connected(proxy) as client:
        await client.echoed(b"a")
        proxy.fall_silent()
        client.writer.close()
        await asyncio.sleep(QUIET)
        assert proxy.connections == 1


async def test_a_delay_keeps_the_order(proxy: Proxy) -> None:
    """Both ways take it, and what is sent after it ended does not overtake what was sent before."""
    async with connected(proxy) as client:
        loop = asyncio.get_running_loop()
        proxy.delay = 0.05
        began = loop.time()
        assert await client.echoed(b"a") == b"a"
        assert loop.time() - began >= 0.1
        client.writer.write(b"b")
        await asyncio.sleep(0.01)
        proxy.delay = 0.0
        assert await client.echoed(b"cd") == b"bc"


async def test_a_word_holds_back_what_comes_with_it(proxy: Proxy) -> None:
    """And what is sent after it, on its own connection alone."""
    proxy.held = {b"COMMIT": 0.2}
    async with connected(proxy) as client, connected(proxy) as other:
        loop = asyncio.get_running_loop()
        began = loop.time()
        client.writer.write(b"COMMIT")
        await asyncio.sleep(0.01)
        client.writer.write(b"a")
        assert await other.echoed(b"b") == b"b"
        assert loop.time() - began < 0.2
        assert await client.reader.readexactly(7) == b"COMMITa"
        assert loop.time() - began >= 0.2


async def test_nobody_behind_it(proxy: Proxy) -> None:
    """A connection to a server that is not there ends."""
    (proxy.target,) = free_ports(1, "127.0.0.1")
    async with connected(proxy) as client:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.echoed(b"a")

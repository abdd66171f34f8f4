"""The feed: what is published is heard, silence ends the lease, and a lost connection forgets all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import hiredis
import pytest
from redis.asyncio import Redis

from shared.cache.connect import make_client
from shared.cache.feed import Feed
from shared.cache.keys import FEED
from shared.cache.settings import CacheSettings
from tests.faults.proxy import Proxy
from tests.servers import ValkeyServer

LEASE = 0.25


class Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.fresh_until = 0.0
        self.told: list[object] = []

    def raised(self, obj: str, version: int) -> None:
        """Keep it."""
        self.told.append((obj, version))

    def opened(self) -> None:
        """Keep it."""
        self.told.append("opened")

    def lost(self) -> None:
        """Keep it, and serve nothing."""
        self.fresh_until = 0.0
        self.told.append("lost")


class Clock:
    """Shows what it is set to."""

    now = 100.0

    def __call__(self) -> float:  # noqa: D102  # the class says it
        return self.now


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def feed_of(url: str, heard: Heard, clock: Callable[[], float], lease: float = LEASE) -> AsyncIterator[Feed]:
    """Run a feed."""
    client = make_client(CacheSettings(url=url))
    feed = Feed(client.connection_pool, heard, lease, clock)
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        await asyncio.wait([task])
        await client.aclose()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def with_address(url: str, port: int, user: str = "") -> str:
    """The same server by another port, for another user."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user or parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()


def port_of(url: str) -> int:
    """The port of a server."""
    port = urlsplit(url).port
    assert port is not None
    return port


@pytest.fixture
async def proxy(cache_server: ValkeyServer) -> AsyncIterator[Proxy]:
    """A network between the feed and the server."""
    proxy = Proxy(port_of(cache_server.url))
    await proxy.start()
    yield proxy
    await proxy.close()


@pytest.fixture
async def publish(cache_server: ValkeyServer) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """Publishes as the scripts do."""
    async with Redis.from_url(cache_server.url, protocol=2) as client:

        async def say(message: str) -> int:
            return int(await client.publish(FEED, message))

        yield say


async def test_announcements_are_heard_in_order(
    cache_server: ValkeyServer, heard: Heard, clock: Clock, publish: Callable[[str], Awaitable[int]]
) -> None:
    """Each message of the channel is told as object and version, after the feed was opened."""
    async with feed_of(cache_server.url, heard, clock):
        await until(lambda: "opened" in heard.told)
        for message in ("3 strategy:1", "2 strategies:a-b", "4 strategy:1"):
            assert await publish(message) == 1
        await until(lambda: len(heard.told) == 4)
    assert heard.told[:4] == ["opened", ("strategy:1", 3), ("strategies:a-b", 2), ("strategy:1", 4)]


class Ticking:
    """Shows another second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:  # noqa: D102  # the class says it
        self.now += 1
        return self.now


async def test_the_lease_counts_from_when_the_ping_was_sent(cache_server: ValkeyServer) -> None:
    """A PONG proves what was published before its PING was read: the time that it took does not count."""
    leases: list[float] = []

    class Leased(Heard):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "fresh_until" and isinstance(value, float) and value > 0:
                leases.append(value)

    clock = Ticking()
    async with feed_of(cache_server.url, Leased(), clock):
        await until(lambda: len(leases) >= 3)
    first = 2  # the feed looked once when it was made
    assert leases[:3] == pytest.approx([first + LEASE, first + 1 + LEASE, first + 2 + LEASE])


async def test_each_pong_renews_the_lease(cache_server: ValkeyServer, heard: Heard, clock: Clock) -> None:
    """The lease goes on with the clock for as long as the server answers."""
    async with feed_of(cache_server.url, heard, clock) as feed:
        await until(lambda: heard.fresh_until > 0)
        assert heard.fresh_until == pytest.approx(100.0 + LEASE)
        clock.now = 107.0
        await until(lambda: heard.fresh_until > 107)
        assert heard.fresh_until == pytest.approx(107.0 + LEASE)
        assert feed.age == pytest.approx(0.0)


async def test_an_announcement_is_told_before_the_pong_that_follows_it(
    cache_server: ValkeyServer, heard: Heard, clock: Clock, publish: Callable[[str], Awaitable[int]]
) -> None:
    """When a later PING is answered, all that was published before it has been told."""
    async with feed_of(cache_server.url, heard, clock):
        await until(lambda: heard.fresh_until > 0)
        await publish("9 strategy:1")
        clock.now = 101.0
        await until(lambda: heard.fresh_until > 101)
        assert ("strategy:1", 9) in heard.told


async def test_silence_ends_the_lease_and_then_the_connection(
    cache_server: ValkeyServer, proxy: Proxy, heard: Heard, clock: Clock
) -> None:
    """Half of the network silently gone: no PONG, so no lease; later it is taken for lost, and found again."""
    async with feed_of(with_address(cache_server.url, proxy.port), heard, clock) as feed:
        await until(lambda: heard.fresh_until > 0)
        proxy.fall_silent()
        clock.now = 200.0
        await until(lambda: "lost" in heard.told)  # no PONG came before: the lease was never renewed
        assert heard.fresh_until == 0.0
        assert feed.age == pytest.approx(100.0)
        proxy.speak()
        await until(lambda: heard.told.count("opened") == 2)
        await until(lambda: heard.fresh_until > 200)


async def test_a_lost_connection_forgets_and_comes_back(own_server: ValkeyServer, heard: Heard, clock: Clock) -> None:
    """The server is gone: lost at once; when it is back, opened again."""
    async with feed_of(own_server.url, heard, clock):
        await until(lambda: heard.fresh_until > 0)
        await own_server.kill()
        await until(lambda: heard.told == ["opened", "lost"] or heard.told.count("lost") > 1)
        assert heard.fresh_until == 0.0
        await own_server.restart()
        await until(lambda: heard.told.count("opened") == 2)


@pytest.mark.parametrize("message", ["", "x strategy:1", "strategy:1"])
async def test_what_cannot_be_read_may_be_about_anything(
    cache_server: ValkeyServer,
    heard: Heard,
    clock: Clock,
    publish: Callable[[str], Awaitable[int]],
    message: str,
) -> None:
    """A message of a version that this process does not know costs it all that it holds."""
    async with feed_of(cache_server.url, heard, clock):
        await until(lambda: "opened" in heard.told)
        await publish(message)
        await until(lambda: heard.told == ["opened", "lost", "opened"])


@pytest.mark.parametrize("said", [b":1\r\n", 2 * b"*1\r\n$4\r\npong\r\n", b"*1\r\n$7\r\nmessage\r\n"])
async def test_a_server_that_makes_no_sense_is_left(heard: Heard, clock: Clock, said: bytes) -> None:
    """Something else behind the address, or a bug of it, costs the connection and not the process."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        while data := await reader.read(4096):
            commands.feed(data)
            while command := commands.gets():
                subscribed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nf\r\n:1\r\n" + said
                writer.write(subscribed if command[0] == b"SUBSCRIBE" else b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with feed_of(f"redis://127.0.0.1:{port}/0", heard, clock):
            await until(lambda: heard.told.count("opened") == 2)
    assert heard.told[:3] == ["opened", "lost", "opened"]


async def test_a_user_without_the_right_is_told_of_once(
    own_server: ValkeyServer, heard: Heard, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A refused subscription opens nothing, and the log says why, once."""
    async with Redis.from_url(own_server.url, protocol=2) as client:
        rights = ["+ping", "+client", "+hello", "+select"]
        await client.acl_setuser("deaf", enabled=True, passwords=["+secret"], commands=rights)
    url = with_address(own_server.url, port_of(own_server.url), "deaf:secret")
    async with feed_of(url, heard, clock):
        await until(lambda: heard.told.count("lost") >= 2)
    assert "opened" not in heard.told
    [record] = [record for record in caplog.records if record.name == "shared.cache.feed"]
    assert "no permissions" in record.getMessage().lower()


async def test_a_stop_ends_the_connection(cache_server: ValkeyServer, proxy: Proxy, heard: Heard, clock: Clock) -> None:
    """A cancelled feed leaves nothing connected, and what it held is forgotten."""
    async with feed_of(with_address(cache_server.url, proxy.port), heard, clock):
        await until(lambda: heard.fresh_until > 0)
    assert heard.told[-1] == "lost"
    await until(lambda: proxy.connections == 0)

"""What readers and the invalidator see while the cache server is gone, and when it is back."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine

import pytest
from redis.asyncio import Redis

from shared.cache.breaker import FIRST_PAUSE
from shared.cache.connect import connect
from shared.cache.keys import entry_key, state_key
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import Bypass, BypassReason, CacheUnavailable, FillOutcome, Hit, Invalidated, Lookup, Miss
from shared.cache.settings import CacheSettings
from shared.cache.tests.opened import open_cache
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from shared.runtime.tests.eventually import eventually
from shared.wire import Wire
from tests.frozen import frozen_server
from tests.servers import ValkeyServer

GONE = Bypass(BypassReason.UNREACHABLE)
CLOSED = Bypass(BypassReason.CLOSED)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The breaker's clock."""
    return Clock()


@pytest.fixture
async def store(own_server: ValkeyServer, clock: Clock) -> AsyncIterator[RedisCacheStore]:
    """A store with one entry, on a server of its own."""
    settings = CacheSettings(url=own_server.url, deadline=1)
    store = RedisCacheStore(settings, clock=clock)
    await open_cache(store)
    await store_entry(store, 1)
    yield store
    await store.close()


async def probed(store: RedisCacheStore, clock: Clock) -> None:
    """Let a pause pass, have a reader start the probe, and wait for its end."""
    clock.now += 10
    assert await store.get(STRATEGY, "doc") == GONE
    assert store._server.probe is not None
    await store._server.probe


def without_waiting(reading: Coroutine[object, None, Lookup]) -> Lookup:
    """Return what is answered in this very turn of the event loop. Raises AssertionError when it takes another."""
    try:
        reading.send(None)
    except StopIteration as answered:
        found: Lookup = answered.value
        return found
    reading.close()
    raise AssertionError("it waits")


async def test_readers_go_on_without_the_server(store: RedisCacheStore, own_server: ValkeyServer) -> None:
    """A killed server is bypassed, not an error; fills are dropped; the store knows that it is not connected."""
    await own_server.kill()
    assert await store.get(STRATEGY, "doc") == GONE
    assert await store.fill(STRATEGY, "doc", "lease", entry(1)) is FillOutcome.UNREACHABLE
    assert not store.connected
    assert not await store.ping()
    counts = store.stats.snapshot()["strategy"]
    assert (counts.bypasses, counts.fills_refused) == ({"unreachable": 1}, {"unreachable": 1})


@pytest.mark.parametrize("failure", [ConnectionResetError(), RuntimeError("the handler is closed")])
async def test_a_connection_that_cannot_be_made_is_no_error(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """Whatever it fails with, and uvloop has a failure of its own, the reader goes past the cache."""

    async def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(Wire, "connect", fail)
    store = RedisCacheStore(CacheSettings(url="redis://127.0.0.1/0"))
    assert await store.get(STRATEGY, "doc") == GONE
    with pytest.raises(CacheUnavailable):
        await store.invalidate({STRATEGY: 2})
    await store.close()


async def test_an_invalidation_that_was_not_applied_is_an_error(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """The invalidator must keep the event, and when it tries again it finds the server back by itself."""
    await own_server.kill()
    with pytest.raises(CacheUnavailable, match="does not answer"):
        await store.invalidate({STRATEGY: 2})
    assert "strategy" not in store.stats.snapshot() or store.stats.snapshot()["strategy"].invalidations == 0
    await own_server.restart()
    assert await store.invalidate({STRATEGY: 2}) == Invalidated()
    assert await store.get(STRATEGY, "doc") == CLOSED


async def test_the_cache_is_used_again_when_the_server_is_back(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """A probe in the background finds it; once it has been opened the store works as before, scripts and all."""
    taken = await lease(store, variant="other")
    await own_server.kill()
    assert await store.get(STRATEGY, "doc") == GONE
    await probed(store, clock)
    assert await store.get(STRATEGY, "doc") == GONE
    await own_server.restart()
    await probed(store, clock)
    assert store.connected
    assert await store.get(STRATEGY, "doc") == CLOSED
    assert await store.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.CLOSED
    await open_cache(store)
    assert await store.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.HEAD_GONE
    await store_entry(store, 2)
    assert await store.get(STRATEGY, "doc") == Hit(entry(2))


async def test_a_server_that_answers_nothing_costs_one_deadline(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """Silence is cut off at the deadline; then nobody waits, not even the reader that starts the probe."""
    async with frozen_server(own_server.url):
        async with asyncio.timeout(50):  # a deadline is a second
            assert await asyncio.gather(*(store.get(STRATEGY, "doc") for _ in range(100))) == [GONE] * 100
        clock.now += FIRST_PAUSE
        for _ in range(100):
            assert without_waiting(store.get(STRATEGY, "doc")) == GONE


async def test_an_open_breaker_keeps_readers_off_the_network(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """The server is back, but until a probe is due no reader asks it anything."""
    await own_server.kill()
    assert await store.get(STRATEGY, "doc") == GONE
    await own_server.restart()
    for _ in range(10):
        assert await store.get(STRATEGY, "doc") == GONE
    async with Redis.from_url(own_server.url) as other:
        assert (await other.info("stats"))["total_commands_processed"] < 10
        assert len(await other.client_list()) == 1


async def test_a_frozen_server_that_thaws_serves_what_it_held(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """Calls given up at the deadline may still be carried out; neither they nor their late replies do harm."""
    async with frozen_server(own_server.url):
        assert await store.get(STRATEGY, "doc") == GONE
        with pytest.raises(CacheUnavailable, match="does not answer: TimeoutError"):
            await store.invalidate({STRATEGY: 2})
    await probed(store, clock)
    assert await store.invalidate({STRATEGY: 2}) in {Invalidated(1, 1, 1), Invalidated(1, 0, 0)}
    assert isinstance(await store.get(STRATEGY, "doc"), Miss)


async def test_a_writer_does_not_wait_for_a_server_that_is_silent(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """The raise fails in its time, the next at once; what was on its way is carried out, and costs misses only."""
    impatient = RedisCacheStore(CacheSettings(url=own_server.url, deadline=5, raise_deadline=0.2), clock=clock)
    assert await impatient.raise_({STRATEGY: 2}, "first")
    async with frozen_server(own_server.url):
        with pytest.raises(CacheUnavailable, match="does not answer: TimeoutError"):
            await impatient.raise_({STRATEGY: 3}, "second")
        for _ in range(100):
            with pytest.raises(CacheUnavailable):
                await impatient.raise_({STRATEGY: 3}, "third")
    assert impatient.stats.snapshot()["strategy"].raises == {"done": 1, "unanswered": 101}
    assert await store.fill(STRATEGY, "doc", await lease(store), entry(2)) is FillOutcome.FLOOR
    await impatient.close()


async def test_a_writer_that_was_held_up_does_not_blame_the_server(own_server: ValkeyServer) -> None:
    """The answer is there, though the process was not let run for longer than it would wait: the write goes on."""
    store = RedisCacheStore(CacheSettings(url=own_server.url, deadline=5, raise_deadline=0.8))
    assert await store.raise_({STRATEGY: 2}, "first")
    raising = asyncio.create_task(store.raise_({STRATEGY: 3}, "second"))
    while not store._server._connector.line._wire.waiting:  # type: ignore[union-attr]  # it is connected
        await asyncio.sleep(0)
    time.sleep(1)
    assert await raising
    await store.close()


async def test_a_writer_asks_again_when_the_server_is_back(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """Found by the probe in the background, that a writer starts as well as a reader."""
    await own_server.kill()
    with pytest.raises(CacheUnavailable):
        await store.raise_({STRATEGY: 2}, "first")
    await own_server.restart()
    clock.now += 10
    with pytest.raises(CacheUnavailable):
        await store.raise_({STRATEGY: 2}, "second")
    assert store._server.probe is not None
    await store._server.probe
    assert await store.raise_({STRATEGY: 2}, "third")
    assert not await store.is_open("strategy")


async def test_taking_back_never_fails(store: RedisCacheStore, own_server: ValkeyServer) -> None:
    """A rollback has reasons enough of its own."""
    assert await store.raise_({STRATEGY: 2}, "writer")
    await own_server.kill()
    await store.take_back({STRATEGY: 2}, "writer")


async def test_an_opener_learns_that_the_server_is_gone(store: RedisCacheStore, own_server: ValkeyServer) -> None:
    """Which is not the same as closed: nothing can be done about it."""
    await own_server.kill()
    for step in (store.is_open, store.begin):
        with pytest.raises(CacheUnavailable, match="does not answer"):
            await step("strategy")


async def test_a_server_that_comes_back_with_an_older_file_is_closed(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """The file says open, and holds an entry that is outdated: but it was another process that was opened."""
    async with Redis.from_url(own_server.url, protocol=2) as operator:
        await operator.save()
    assert await store.raise_({STRATEGY: 2}, "writer")
    await store.invalidate({STRATEGY: 2})
    await own_server.kill()
    assert await store.get(STRATEGY, "doc") == GONE
    await own_server.restart()
    await probed(store, clock)
    async with Redis.from_url(own_server.url, protocol=2) as operator:
        assert await operator.hget(state_key("strategy"), "status") == b"open"
        assert await operator.exists(entry_key(STRATEGY, "doc"))
    assert await store.get(STRATEGY, "doc") == CLOSED
    await open_cache(store)
    assert isinstance(await store.get(STRATEGY, "doc"), Miss)


async def test_a_connection_that_was_cut_is_made_anew(store: RedisCacheStore, own_server: ValkeyServer) -> None:
    """By the next reader, who does not notice; it is sure again of whom it speaks to."""
    async with Redis.from_url(own_server.url, protocol=2) as operator:
        before = await store._server.line()
        await operator.client_kill_filter(_type="normal", skipme=True)

        async def cut() -> bool:
            return before.closed

        await eventually(cut)
        assert await store.get(STRATEGY, "doc") == Hit(entry(1))
        after = await store._server.line()
        assert after is not before
        assert after.run_id == before.run_id == str((await operator.info("server"))["run_id"]).encode()


async def test_readers_that_come_at_once_share_one_connection(own_server: ValkeyServer) -> None:
    """However many there are when the first is being made."""
    store = RedisCacheStore(CacheSettings(url=own_server.url, deadline=5))
    await open_cache(store)
    await asyncio.gather(*(store.get(STRATEGY, str(number)) for number in range(200)))
    async with Redis.from_url(own_server.url, protocol=2) as operator:
        assert len(await operator.client_list()) == 2
    await store.close()


async def test_a_reader_that_goes_away_leaves_the_connection_to_the_others(own_server: ValkeyServer) -> None:
    """Though it was the one who came first, and had it made."""
    store = RedisCacheStore(CacheSettings(url=own_server.url, deadline=5))
    leaving, staying = (asyncio.create_task(store.get(STRATEGY, "doc")) for _ in range(2))
    while store._server._connector._connecting is None:
        await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == CLOSED
    assert leaving.cancelled()
    await store.close()


async def test_closing_does_not_wait_for_a_probe(
    store: RedisCacheStore, own_server: ValkeyServer, clock: Clock
) -> None:
    """A process that ends while the server is gone ends at once."""
    async with frozen_server(own_server.url):
        assert await store.get(STRATEGY, "doc") == GONE
        clock.now += 10
        assert await store.get(STRATEGY, "doc") == GONE
        assert store._server.probe is not None
        await store.close()
        assert store._server.probe.cancelled()


async def test_connecting_sends_nothing_and_fails_when_used() -> None:
    """A service starts without its cache server."""
    store = connect(CacheSettings(url="redis://127.0.0.1:1/0"))
    assert not store.connected
    assert await store.get(STRATEGY, "doc") == GONE
    await store.close()


def test_a_url_of_another_kind_stops_the_start() -> None:
    """The error says which kinds there are."""
    with pytest.raises(ValueError, match="redis://"):
        connect(CacheSettings(url="http://127.0.0.1"))


async def test_a_cache_that_is_off_bypasses_everything() -> None:
    """REDIS_ENABLED=false: no read uses it, no event waits for it, and the reason is told apart."""
    store = connect(CacheSettings(url="", enabled=False))
    assert await store.get(STRATEGY, "doc") == Bypass(BypassReason.DISABLED)
    assert await store.fill(STRATEGY, "doc", "lease", entry(1)) is FillOutcome.DISABLED
    assert await store.invalidate({STRATEGY: 2}) == Invalidated()
    assert not await store.ping()
    assert not store.connected
    assert store.stats.snapshot()["strategy"].bypasses == {"disabled": 1}
    await store.close()

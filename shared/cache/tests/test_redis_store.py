"""What only a store on a real server can show: scripts, times to live, memory, and how it reads and writes."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.cache import redis_store
from shared.cache.connection import Line
from shared.cache.exchange import AT_ONCE
from shared.cache.keys import FEED, entry_key, head_key, state_key, variants_key
from shared.cache.orphans import read_lease
from shared.cache.plain import Forgotten
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import Bypass, BypassReason, CacheUnavailable, FillOutcome, Hit, Invalidated, Miss
from shared.cache.settings import CacheSettings
from shared.cache.tests.between import halting
from shared.cache.tests.labs import ServerLab
from shared.cache.tests.opened import open_cache
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from shared.contracts.objects import KEEPERS
from tests.frozen import frozen_server
from tests.servers import ValkeyServer


async def script_calls(lab: ServerLab) -> int:
    """How many scripts the server has run since its statistics were reset."""
    stats = await lab.client.info("commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def records(lab: ServerLab) -> list[bytes]:
    """Every key of the server, but for the states."""
    states = {state_key(keeper).encode() for keeper in KEEPERS}
    return [key for key in await lab.client.keys() if isinstance(key, bytes) and key not in states]


async def test_a_hit_runs_no_script(server_lab: ServerLab) -> None:
    """The hit path is a plain pipeline; the script runs when that finds nothing."""
    await store_entry(server_lab.store, 1)
    await server_lab.client.config_resetstat()
    assert await server_lab.store.get(STRATEGY, "doc") == Hit(entry(1))
    assert await script_calls(server_lab) == 0
    await server_lab.store.get(STRATEGY, "other")
    assert await script_calls(server_lab) == 1


async def test_state_entry_and_head_are_read_in_this_order(server_lab: ServerLab) -> None:
    """Other commands may come between them: in another order a floor raised there would be overlooked."""
    line = await halting(server_lab.store)
    await server_lab.store.get(STRATEGY, "doc")
    hit_path = [command[1].decode() for command in line.sent if command[0] == b"HMGET"]
    assert hit_path == [state_key("strategy"), entry_key(STRATEGY, "doc"), head_key(STRATEGY)]


async def test_an_entry_filled_since_the_pipeline_is_found_by_the_script(server_lab: ServerLab) -> None:
    """GET answers HIT by itself, with every field in its place, and MISS below the wanted version."""
    for wanted, expected in ((4, Hit), (5, Miss)):
        await server_lab.wipe()
        store = RedisCacheStore(CacheSettings(url=server_lab.url, deadline=5))
        await halting(store, {3: lambda: store_entry(server_lab.store, 4)})
        result = await store.get(STRATEGY, "doc", min_version=wanted)
        assert isinstance(result, expected)
        assert result == Hit(entry(4)) or wanted == 5
        await store.close()


async def test_many_objects_are_invalidated_some_at_a_time(
    server_lab: ServerLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of all rows by hand: what is to be answered within a deadline is never more than so much."""
    sent: list[int] = []
    ask = Line.ask

    def counted(line: Line, commands: bytes, number: int) -> asyncio.Future[list[object]]:
        sent.append(number)
        return ask(line, commands, number)

    objects = [f"strategy:{number}" for number in range(2 * AT_ONCE + 1)]
    for obj in objects:
        await store_entry(server_lab.store, 1, obj)
    assert await server_lab.store.invalidate({objects[0]: 1}) == Invalidated(1, 1, 0)
    monkeypatch.setattr(Line, "ask", counted)
    assert await server_lab.store.invalidate(dict.fromkeys(objects, 2)) == Invalidated(*[2 * AT_ONCE + 1] * 3)
    assert sent == [AT_ONCE, AT_ONCE, 1]
    for obj in objects:
        assert isinstance(await server_lab.store.get(obj, "doc"), Miss)


async def test_scripts_are_loaded_again_when_the_server_forgot_them(server_lab: ServerLab) -> None:
    """After SCRIPT FLUSH each goes on as if nothing had happened, a batch of objects included."""
    store, forget = server_lab.store, server_lab.client.script_flush
    await forget()
    taken = await lease(store)
    await forget()
    assert await store.fill(STRATEGY, "doc", taken, entry(1)) is FillOutcome.STORED
    await store_entry(store, 1, "strategy:two")
    await forget()
    assert await store.raise_({STRATEGY: 9, "strategy:two": 2}, "writer")
    await forget()
    await store.take_back({STRATEGY: 9, "strategy:two": 1}, "writer")
    await forget()
    assert await store.invalidate({STRATEGY: 2, "strategy:two": 2}) == Invalidated(1, 0, 2)
    await server_lab.evict_state("strategy")
    await forget()
    opening = await store.begin("strategy")
    assert opening is not None
    await forget()
    assert await store.finish(opening)


@pytest.mark.parametrize(("draw", "expected_ms"), [(0.0, 9_000), (0.5, 10_000), (1.0, 11_000)])
async def test_everything_stored_ends_by_itself(server_lab: ServerLab, draw: float, expected_ms: int) -> None:
    """Entries live for their type's time, 10 % either way; head and variants outlive them by far."""
    settings = CacheSettings(url=server_lab.url, ttl={"strategy": 10}, deadline=5)
    store = RedisCacheStore(settings, jitter=lambda: draw)
    await store_entry(store, 1)
    await store.close()
    lives = {key: await server_lab.client.pttl(key) for key in await records(server_lab)}
    assert lives.keys() == {
        key.encode() for key in (head_key(STRATEGY), entry_key(STRATEGY, "doc"), variants_key(STRATEGY))
    }
    assert lives[entry_key(STRATEGY, "doc").encode()] == pytest.approx(expected_ms, abs=500)
    assert min(lives[head_key(STRATEGY).encode()], lives[variants_key(STRATEGY).encode()]) > 3_590_000


async def test_a_head_under_which_nothing_is_kept_ends_with_its_lease(server_lab: ServerLab) -> None:
    """Whoever asks for what there is not leaves nothing for longer than half a minute, of any incarnation."""
    head, client = head_key(STRATEGY), server_lab.client
    taken = await lease(server_lab.store)
    assert 25_000 < await client.pttl(head) <= 30_000
    await client.pexpire(head, 1_000)
    assert read_lease(await lease(server_lab.store))[0] == read_lease(taken)[0]
    assert 25_000 < await client.pttl(head) <= 30_000
    await server_lab.floors.raise_({STRATEGY: 1}, "writer")
    await server_lab.evict_state("strategy")
    await open_cache(server_lab.openings)
    await lease(server_lab.store)
    assert 25_000 < await client.pttl(head) <= 30_000


@pytest.mark.parametrize("use", ["fill", "invalidation", "raise"])
async def test_a_head_lives_on_while_it_is_used(server_lab: ServerLab, use: str) -> None:
    """A fill, an invalidation and a raise each begin the head's hour anew, which no lookup takes from it."""
    head, client = head_key(STRATEGY), server_lab.client
    taken = await lease(server_lab.store)
    if use == "fill":
        assert await server_lab.store.fill(STRATEGY, "doc", taken, entry(1)) is FillOutcome.STORED
    elif use == "raise":
        assert await server_lab.floors.raise_({STRATEGY: 2}, "writer")
    else:
        await server_lab.store.invalidate({STRATEGY: 2})
    assert await client.pttl(head) > 3_590_000
    await lease(server_lab.store, variant="other")
    assert await client.pttl(head) > 3_590_000


async def test_what_other_code_keeps_may_take_long_to_make(server_lab: ServerLab) -> None:
    """Its lease is good for an hour: its names are no client's to make up."""
    await lease(server_lab.store, "app:rate")
    assert await server_lab.client.pttl(head_key("app:rate")) > 3_590_000


async def test_an_object_keeps_a_bounded_number_of_variants(
    server_lab: ServerLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the set is full the oldest version gives way to the new entry, and leaves nothing behind."""
    monkeypatch.setattr(redis_store, "MAX_VARIANTS", 3)
    for version, variant in enumerate("dabce", start=1):
        await store_entry(server_lab.store, version, variant=variant)
    taken = await lease(server_lab.store)
    assert await server_lab.store.fill(STRATEGY, "e", taken, entry(6)) is FillOutcome.STORED
    assert await server_lab.client.zrange(variants_key(STRATEGY), 0, -1) == [b"b", b"c", b"e"]
    assert len(await records(server_lab)) == 5


async def test_an_invalidation_leaves_no_entry_behind(server_lab: ServerLab) -> None:
    """Only the head remains, and without a head nothing does."""
    for variant in ("doc", "x" * 300):
        await store_entry(server_lab.store, 1, variant=variant)
    await server_lab.store.invalidate({STRATEGY: 2})
    assert await records(server_lab) == [head_key(STRATEGY).encode()]
    await store_entry(server_lab.store, 2)
    await server_lab.evict_head(STRATEGY)
    assert await server_lab.store.invalidate({STRATEGY: 2}) == Invalidated(0, 0, 1)
    assert await records(server_lab) == []


async def test_an_entry_that_an_invalidation_could_not_remove_is_refused_by_its_floor(server_lab: ServerLab) -> None:
    """The server may evict the set of variants and keep the entry: neither pipeline nor script serves it."""
    await store_entry(server_lab.store, 1)
    await server_lab.evict_variants(STRATEGY)
    assert await server_lab.store.invalidate({STRATEGY: 2}) == Invalidated(1, 1, 0)
    assert isinstance(await server_lab.store.get(STRATEGY, "doc"), Miss)


async def test_a_full_server_refuses_entries_and_nothing_else(own_server: ValkeyServer) -> None:
    """With `noeviction` and no memory left FILL says so and hits go on; events are applied, writers are answered and
    the cache can be opened all the same.
    """
    lab = ServerLab(own_server.url)
    await open_cache(lab.openings)
    await store_entry(lab.store, 1)
    taken = await lease(lab.store, variant="other")
    await lab.client.config_set("maxmemory-policy", "noeviction")
    await lab.client.config_set("maxmemory", 1)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.FULL
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(1))
    assert await lab.floors.raise_({STRATEGY: 2, "strategy:new": 1}, "writer")
    await lab.floors.take_back({"strategy:new": 1}, "writer")
    assert not await lab.client.exists(head_key("strategy:new"))
    assert await lab.store.invalidate({STRATEGY: 2}) == Invalidated(1, 0, 1)
    assert await lab.store.forget([STRATEGY]) == Forgotten(1, 0)
    assert await lab.store.get("strategy:unread", "doc") == Bypass(BypassReason.REFUSED)
    await lab.evict_state("strategy")
    await open_cache(lab.openings)
    assert lab.store.connected
    assert lab.store.stats.snapshot()["strategy"].raises == {"done": 2}
    await lab.close()


async def test_a_floor_that_cannot_be_raised_is_an_error(server_lab: ServerLab) -> None:
    """Of one object, and so of the whole write; an error reply is no lost server."""
    await server_lab.client.set(head_key(STRATEGY), "not a hash")
    with pytest.raises(CacheUnavailable, match="refused to raise a floor: WRONGTYPE"):
        await server_lab.floors.raise_({"strategy:two": 2, STRATEGY: 2}, "writer")
    assert server_lab.store.connected
    await server_lab.floors.take_back({STRATEGY: 2}, "writer")


async def test_a_raise_lets_the_head_live_on(server_lab: ServerLab) -> None:
    """It must be there when the transaction commits."""
    await server_lab.floors.raise_({STRATEGY: 2}, "writer")
    assert await server_lab.client.pttl(head_key(STRATEGY)) > 3_590_000
    await server_lab.client.pexpire(head_key(STRATEGY), 60_000)
    await server_lab.floors.raise_({STRATEGY: 1}, "another")
    assert await server_lab.client.pttl(head_key(STRATEGY)) > 3_590_000
    assert {await server_lab.client.pttl(state_key(keeper)) for keeper in KEEPERS} == {-1}


async def test_the_feed_is_told_of_every_raise_and_every_event(server_lab: ServerLab) -> None:
    """Whether the cache is open or not, and whether the object has a head: a process may hold an entry of before."""
    async with server_lab.client.pubsub() as feed:
        await feed.subscribe(FEED)
        await server_lab.floors.raise_({STRATEGY: 5, "backtest:1": 2}, "writer")
        await server_lab.floors.take_back({STRATEGY: 5}, "writer")
        await server_lab.store.invalidate({STRATEGY: 4})
        await server_lab.lose()
        await server_lab.floors.raise_({STRATEGY: 6}, "writer")
        await server_lab.store.invalidate({STRATEGY: 2**53 - 1})
        heard = []
        async for message in feed.listen():
            if message["type"] == "message":
                heard.append(message["data"].decode())
            if len(heard) == 5:
                break
    assert heard == [
        f"5 {STRATEGY}",
        "2 backtest:1",
        f"4 {STRATEGY}",
        f"6 {STRATEGY}",
        f"{2**53 - 1} {STRATEGY}",
    ]


@pytest.mark.parametrize("moment", [1, 2, 3])
async def test_a_cache_that_is_opened_anew_during_a_read_serves_nothing_of_before(
    server_lab: ServerLab, moment: int
) -> None:
    """Wherever between the reader's commands it happens: he may see the old entry only if he saw it whole before."""
    await store_entry(server_lab.store, 4)
    store = RedisCacheStore(CacheSettings(url=server_lab.url, deadline=5))

    async def reopened() -> None:
        await server_lab.evict_state("strategy")
        await open_cache(server_lab.openings)
        await store_entry(server_lab.store, 5)

    await halting(store, {moment: reopened})
    result = await store.get(STRATEGY, "doc")
    await store.close()
    assert result == Hit(entry(4 if moment == 3 else 5))


async def test_a_state_that_is_lost_before_the_script_runs_is_noticed_by_it(server_lab: ServerLab) -> None:
    """It makes no head, and gives no lease."""
    store = RedisCacheStore(CacheSettings(url=server_lab.url, deadline=5))
    await halting(store, {3: lambda: server_lab.evict_state("strategy")})
    assert await store.get(STRATEGY, "doc") == Bypass(BypassReason.CLOSED)
    await store.close()
    assert await records(server_lab) == []


@pytest.mark.parametrize("moment", [0, 1, 2])
async def test_a_floor_raised_during_a_read_is_seen(server_lab: ServerLab, moment: int) -> None:
    """Up to the last of its commands."""
    await store_entry(server_lab.store, 4)
    store = RedisCacheStore(CacheSettings(url=server_lab.url, deadline=5))
    await halting(store, {moment: lambda: server_lab.floors.raise_({STRATEGY: 5}, "writer")})
    assert isinstance(await store.get(STRATEGY, "doc"), Miss)
    await store.close()


async def test_a_key_of_another_kind_is_bypassed_and_stops_nobody_else(server_lab: ServerLab) -> None:
    """An error reply is no lost server: that object bypasses, others hit, and the event must be kept."""
    await store_entry(server_lab.store, 1, "strategy:two")
    await server_lab.client.set(head_key(STRATEGY), "not a hash")
    assert await server_lab.store.get(STRATEGY, "doc") == Bypass(BypassReason.REFUSED)
    assert await server_lab.store.fill(STRATEGY, "doc", "lease", entry(1)) is FillOutcome.REFUSED
    with pytest.raises(CacheUnavailable, match="WRONGTYPE"):
        await server_lab.store.invalidate({STRATEGY: 2, "strategy:two": 2})
    assert isinstance(await server_lab.store.get("strategy:two", "doc"), Miss)
    assert server_lab.store.connected


@pytest.mark.parametrize("damage", [("version", b"seven"), ("status", b""), ("etag", b"\xff")])
async def test_a_damaged_entry_is_a_miss_and_is_filled_over(server_lab: ServerLab, damage: tuple[str, bytes]) -> None:
    """Fields that cannot be read are never served and never keep a good entry out."""
    await store_entry(server_lab.store, 1)
    await server_lab.client.hset(entry_key(STRATEGY, "doc"), *damage)
    await store_entry(server_lab.store, 2)
    assert await server_lab.store.get(STRATEGY, "doc") == Hit(entry(2))


async def test_more_readers_than_connections_wait_for_one_another(server_lab: ServerLab) -> None:
    """A burst is answered from the cache; it does not look like a lost server."""
    await store_entry(server_lab.store, 1)
    results = await asyncio.gather(*(server_lab.store.get(STRATEGY, "doc") for _ in range(400)))
    assert results == [Hit(entry(1))] * 400


async def test_a_reader_that_goes_away_leaves_its_answer_to_nobody(own_server: ValkeyServer) -> None:
    """A cancelled call's connection is not handed on with the reply still in it."""
    lab = ServerLab(own_server.url)
    await open_cache(lab.openings)
    await store_entry(lab.store, 1, variant="a")
    await store_entry(lab.store, 2, variant="b")
    async with frozen_server(own_server.url):
        leaving = asyncio.create_task(lab.store.get(STRATEGY, "a"))
        await asyncio.wait([leaving], timeout=0.05)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert await lab.store.get(STRATEGY, "b") == Hit(entry(2))
    await lab.close()


async def test_a_wrong_password_is_a_server_that_cannot_be_used(own_server: ValkeyServer) -> None:
    """The right one and the database are read from the URL; with a wrong one readers go on without the cache."""
    right = own_server.url.removesuffix("/0") + "/3"
    for url, expected in ((right, Hit(entry(1))), (right.replace("@", "-wrong@"), Bypass(BypassReason.UNREACHABLE))):
        settings = CacheSettings(url=url, deadline=5)
        store = RedisCacheStore(settings)
        if url == right:
            await open_cache(store)
            await store_entry(store, 1)
        assert await store.get(STRATEGY, "doc") == expected
        await store.close()
    async with Redis.from_url(own_server.url, protocol=2) as admin:
        assert await admin.dbsize() == 0

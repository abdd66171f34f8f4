"""A look at the second level shows what a reader would be given, and changes nothing."""

from collections.abc import AsyncIterator

import pytest

from shared.cache.keys import entry_key, head_key, state_key, variant_segment, variants_key
from shared.cache.looking import ANSWERS, VARIANTS, Looks
from shared.cache.results import CacheUnavailable, Hit, Miss
from shared.cache.settings import CacheSettings
from shared.cache.tests.labs import ServerLab
from shared.cache.tests.races import STRATEGY, lease, store_entry

pytestmark = pytest.mark.integration

BACKTEST = "backtest:1"
LIST = "strategies:1"
LONG = "q=" + "x" * 200


@pytest.fixture
async def looks(server_lab: ServerLab) -> AsyncIterator[Looks]:
    """On the lab's server."""
    looks = Looks(CacheSettings(url=server_lab.url, deadline=5))
    yield looks
    await looks.close()


async def test_the_lowest_version_of_each_object_is_shown(server_lab: ServerLab, looks: Looks) -> None:
    """Of all its variants, those with a digest for a name too; what is not served is left out."""
    await store_entry(server_lab.store, 5, LIST, "limit=50")
    await store_entry(server_lab.store, 4, LIST, LONG)
    await store_entry(server_lab.store, 7)
    await lease(server_lab.store, BACKTEST)
    assert await looks.shown([LIST, STRATEGY, BACKTEST, "user:1"]) == {LIST: 4, STRATEGY: 7}
    assert await looks.shown([BACKTEST]) == await looks.shown([]) == {}


@pytest.mark.parametrize(
    "fault", ["floor", "lineage", "head", "state", "opening", "process", "incarnation", "unreadable"]
)
async def test_it_judges_as_a_read_does(server_lab: ServerLab, looks: Looks, fault: str) -> None:
    """Whatever takes an entry from the readers takes it from the look."""
    await store_entry(server_lab.store, 5)
    assert isinstance(await server_lab.store.get(STRATEGY, "doc"), Hit)
    assert await looks.shown([STRATEGY]) == {STRATEGY: 5}
    client, head, state = server_lab.client, head_key(STRATEGY), state_key("strategy")
    match fault:
        case "floor":
            await client.hset(head, "floor", "6")
        case "lineage":
            await client.hset(entry_key(STRATEGY, "doc"), "lineage", "another")
        case "head":
            await client.delete(head)
        case "state":
            await client.delete(state)
        case "opening":
            await client.hset(state, "status", "opening")
        case "process":
            await client.hset(state, "run_id", "another")
        case "incarnation":
            await client.hset(state, "incarnation", "another")
        case "unreadable":
            await client.hset(entry_key(STRATEGY, "doc"), "version", "x")
    assert await looks.shown([STRATEGY]) == {}
    assert not isinstance(await server_lab.store.get(STRATEGY, "doc"), Hit)


async def test_answers_are_shown_whole(server_lab: ServerLab, looks: Looks) -> None:
    """A few of those that a reader would be given, as he would be."""
    await store_entry(server_lab.store, 4, LIST, "limit=50")
    await store_entry(server_lab.store, 5, LIST, LONG)
    shown = await looks.answers(LIST)
    assert {name: entry.version for name, entry in shown.items()} == {"limit=50": 4, variant_segment(LONG): 5}
    for variant in ("limit=50", LONG):
        found = await server_lab.store.get(LIST, variant)
        assert isinstance(found, Hit)
        assert shown[variant_segment(variant)] == found.entry
    await server_lab.client.hset(head_key(LIST), "floor", "5")
    assert list(await looks.answers(LIST)) == [variant_segment(LONG)]
    for number in range(ANSWERS):
        await store_entry(server_lab.store, 5, LIST, f"limit={number}")
    assert len(await looks.answers(LIST)) == ANSWERS - 1  # one of the first so many is not served
    assert await looks.answers(STRATEGY) == {}


async def test_it_changes_nothing(server_lab: ServerLab, looks: Looks) -> None:
    """Neither makes a head nor keeps one longer, and no read is counted."""
    await store_entry(server_lab.store, 5)
    await server_lab.client.pexpire(head_key(STRATEGY), 50_000)
    before = sorted(await server_lab.client.keys())
    await looks.shown([STRATEGY, BACKTEST])
    assert sorted(await server_lab.client.keys()) == before
    assert await server_lab.client.pttl(head_key(STRATEGY)) <= 50_000
    assert isinstance(await server_lab.store.get(BACKTEST, "doc"), Miss)


async def test_of_many_variants_the_oldest_are_looked_at(server_lab: ServerLab, looks: Looks) -> None:
    """Who writes a list has few of them; who reads one may have hundreds."""
    for number in range(VARIANTS + 4):
        await store_entry(server_lab.store, 100 - number, LIST, f"limit={number}")
    assert await looks.shown([LIST]) == {LIST: 100 - VARIANTS - 3}
    assert await server_lab.client.zcard(variants_key(LIST)) == VARIANTS + 4


async def test_a_server_that_does_not_answer_is_told(server_lab: ServerLab) -> None:
    """At once from the second time on."""
    looks = Looks(CacheSettings(url="redis://127.0.0.1:1/0"))
    for _ in range(2):
        with pytest.raises(CacheUnavailable):
            await looks.shown([STRATEGY])
        with pytest.raises(CacheUnavailable):
            await looks.answers(STRATEGY)
    await looks.close()

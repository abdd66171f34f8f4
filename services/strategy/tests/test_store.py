"""Lists of strategies, page by page, on a real database."""

import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest

from services.strategy.store.lists import list_strategies
from services.strategy.store.strategies import insert_strategy
from shared.contracts.errors import Malformed
from shared.contracts.ids import new_id
from shared.contracts.messages import ListStrategies, StrategySort
from shared.contracts.objects import strategies_object
from shared.contracts.values import Strategy, StrategyPage, StrategyStatus
from shared.runtime.bus.server import Call
from shared.runtime.database import Database

pytestmark = pytest.mark.integration

SORTS: tuple[StrategySort, ...] = get_args(StrategySort)
STATUSES: tuple[StrategyStatus, ...] = get_args(StrategyStatus)
START = datetime(2026, 1, 1, tzinfo=UTC)


def _some(owner: str, number: int, seed: int = 5) -> list[Strategy]:
    """Strategies with many ties: few names, few times, all statuses."""
    dice = random.Random(seed)
    return [
        Strategy(
            id=new_id(),
            name=dice.choice(["alpha", "beta", "gamma"]),
            description="",
            spec={"entry_long": "close > 1"},
            spec_hash="h",
            version=1,
            revision=1,
            status=dice.choice(STATUSES),
            owner_id=owner,
            created_at=START + timedelta(microseconds=dice.randrange(4)),
            updated_at=START + timedelta(days=dice.randrange(4)),
        )
        for _ in range(number)
    ]


async def _insert(database: Database, strategies: list[Strategy]) -> None:
    async with database.transaction() as connection:
        for strategy in strategies:
            await insert_strategy(connection, strategy)


def _sorted(strategies: list[Strategy], sort: str) -> list[str]:
    """The whole list's ids in order, worked out without the database."""
    field = sort.removeprefix("-")
    key: Callable[[Strategy], tuple[object, str]] = lambda strategy: (getattr(strategy, field), strategy.id)  # noqa: E731
    return [strategy.id for strategy in sorted(strategies, key=key, reverse=sort.startswith("-"))]


async def _page(database: Database, owner: str, asked: ListStrategies) -> StrategyPage:
    async with database.reading() as connection:
        page, _ = await list_strategies(connection, owner, asked)
    return page


async def _pages(database: Database, owner: str, sort: StrategySort, limit: int) -> AsyncIterator[StrategyPage]:
    cursor: str | None = None
    while True:
        page = await _page(database, owner, ListStrategies(limit=limit, cursor=cursor, sort=sort))
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_put_together_are_the_whole_list(
    database: Database, ana: Call, ben: Call, sort: StrategySort
) -> None:
    """For every order and size of page: each row once, in order, ties included; only the last page has no cursor."""
    owner = ana.user.user_id
    mine = _some(owner, 23)
    await _insert(database, mine + _some(ben.user.user_id, 5))
    for limit in (1, 2, 7, 22, 23, 24, 200):
        pages = [page async for page in _pages(database, owner, sort, limit)]
        assert [strategy.id for page in pages for strategy in page.items] == _sorted(mine, sort)
        assert [len(page.items) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        assert len(pages) == -(-23 // limit)


@pytest.mark.parametrize("sort", SORTS)
async def test_rows_that_come_in_between_disturb_no_page(database: Database, ana: Call, sort: StrategySort) -> None:
    """While others insert before and after the cursor, what was there at the start still comes once and in order."""
    owner = ana.user.user_id
    mine = _some(owner, 15)
    await _insert(database, mine)
    seen: list[str] = []
    step = 0
    async for page in _pages(database, owner, sort, 4):
        seen += [strategy.id for strategy in page.items]
        step += 1
        await _insert(database, _some(owner, 2, seed=step))
    there = {strategy.id for strategy in mine}
    assert [one for one in seen if one in there] == _sorted(mine, sort)
    assert len(seen) == len(set(seen))


async def test_a_row_as_listed_is_the_row_as_stored(database: Database, ana: Call) -> None:
    """A list shows whole strategies, spec included."""
    mine = _some(ana.user.user_id, 3)
    await _insert(database, mine)
    page = await _page(database, ana.user.user_id, ListStrategies())
    assert sorted(page.items, key=lambda one: one.id) == sorted(mine, key=lambda one: one.id)


async def test_filters_keep_what_fits(database: Database, ana: Call) -> None:
    """`status` and `q` both hold, on every page."""
    owner = ana.user.user_id
    mine = _some(owner, 40)
    await _insert(database, mine)
    wanted = [strategy for strategy in mine if strategy.status == "dev" and "lph" in strategy.name]
    assert wanted
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await _page(database, owner, ListStrategies(limit=2, cursor=cursor, status="dev", q="LPH"))
        found += [strategy.id for strategy in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == _sorted(wanted, "-created_at")


EVERYTHING = {"100% sure", "1000 sure", "abc_d", "abcxd", "a_b", "axb", "back\\slash", "\u00c9TOILE"}


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("", EVERYTHING),
        ("%", {"100% sure"}),
        ("% s", {"100% sure"}),
        ("100% S", {"100% sure"}),
        ("_", {"a_b", "abc_d"}),
        ("A_B", {"a_b"}),
        ("abc_", {"abc_d"}),
        ("a%b", set()),
        ("\\", {"back\\slash"}),
        ("BACK\\", {"back\\slash"}),
        ("\u00e9toile", {"\u00c9TOILE"}),
        ("'; DROP TABLE strategies; --", set()),
    ],
)
async def test_q_is_a_part_of_the_name_whatever_its_case(
    database: Database, ana: Call, q: str, names: set[str]
) -> None:
    """No character of it is a wildcard, and case does not matter, beyond ASCII too."""
    owner = ana.user.user_id
    named = [
        msgspec.structs.replace(strategy, name=name)
        for strategy, name in zip(_some(owner, len(EVERYTHING)), EVERYTHING, strict=True)
    ]
    await _insert(database, named)
    page = await _page(database, owner, ListStrategies(q=q))
    assert {strategy.name for strategy in page.items} == names


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("status", [None, "dev"])
@pytest.mark.parametrize("part", ["NEEDLE", "~"])
async def test_a_search_goes_on_beyond_the_first_rows(
    database: Database, ana: Call, ben: Call, sort: StrategySort, status: StrategyStatus | None, part: str
) -> None:
    """What few names contain is found wherever it is in the order, page after page, and in nobody else's list."""
    owner = ana.user.user_id
    mine = [
        msgspec.structs.replace(strategy, name=f"{strategy.name} {'needle ~' if number % 40 == 7 else 'hay'}")
        for number, strategy in enumerate(_some(owner, 200))
    ]
    theirs = [msgspec.structs.replace(strategy, name="needle ~") for strategy in _some(ben.user.user_id, 5)]
    await _insert(database, mine + theirs)
    wanted = [one for one in mine if "needle" in one.name and status in {None, one.status}]
    found: list[str] = []
    cursor: str | None = None
    while True:
        asked = ListStrategies(limit=1, cursor=cursor, sort=sort, status=status, q=part)
        page = await _page(database, owner, asked)
        found += [strategy.id for strategy in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == _sorted(wanted, sort)


async def test_a_cursor_belongs_to_its_list(database: Database, ana: Call, ben: Call) -> None:
    """With other filters, another sort, of another owner, or of nobody's making, it is refused."""
    owner = ana.user.user_id
    await _insert(database, _some(owner, 3) + _some(ben.user.user_id, 3))
    cursor = (await _page(database, owner, ListStrategies(limit=1))).next_cursor
    assert cursor is not None
    for asked in (
        ListStrategies(limit=1, cursor=cursor, status="draft"),
        ListStrategies(limit=1, cursor=cursor, q="a"),
        ListStrategies(limit=1, cursor=cursor, sort="created_at"),
        ListStrategies(limit=1, cursor=cursor, sort="name"),
        ListStrategies(limit=1, cursor="nonsense"),
        ListStrategies(limit=1, cursor=""),
        ListStrategies(limit=1, cursor=cursor[:-4]),
    ):
        with pytest.raises(Malformed):
            await _page(database, owner, asked)
    with pytest.raises(Malformed):
        await _page(database, ben.user.user_id, ListStrategies(limit=1, cursor=cursor))
    assert (await _page(database, owner, ListStrategies(limit=2, cursor=cursor))).items


@pytest.mark.parametrize("character", ["x", "\U0001f4c8", "\x01"])
async def test_the_longest_name_makes_a_cursor_that_is_taken_back(
    database: Database, ana: Call, character: str
) -> None:
    """A name of any 200 characters, each of which may take six bytes, leads on to the next page."""
    owner = ana.user.user_id
    named = [msgspec.structs.replace(strategy, name=character * 200) for strategy in _some(owner, 2)]
    await _insert(database, named)
    first = await _page(database, owner, ListStrategies(limit=1, sort="name"))
    message = msgspec.json.encode(ListStrategies(limit=1, sort="name", cursor=first.next_cursor))
    second = await _page(database, owner, msgspec.json.decode(message, type=ListStrategies))
    assert [strategy.id for page in (first, second) for strategy in page.items] == _sorted(named, "name")


async def test_a_list_and_its_version_are_one_statement(database: Database, ana: Call) -> None:
    """A full, a filtered-out and an empty list all come with the version of the whole."""
    owner = ana.user.user_id
    async with database.reading() as connection:
        assert (await list_strategies(connection, owner, ListStrategies()))[1] == 0
        await connection.execute("INSERT INTO object_version VALUES ($1, 41)", strategies_object(owner))
        assert (await list_strategies(connection, owner, ListStrategies()))[1] == 41
    await _insert(database, _some(owner, 3))
    async with database.reading() as connection:
        for asked in (ListStrategies(), ListStrategies(q="nothing like it"), ListStrategies(limit=1)):
            assert (await list_strategies(connection, owner, asked))[1] == 41

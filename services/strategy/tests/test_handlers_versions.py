"""The versions of strategies, on a real database."""

from datetime import timedelta

import pytest

from services.strategy.handlers import StrategyHandlers
from services.strategy.tests.conftest import call_of
from services.strategy.version_handlers import VersionHandlers
from shared.contracts.errors import Malformed, NotFound, Unauthenticated
from shared.contracts.ids import new_id
from shared.contracts.messages import (
    CreateStrategy,
    DeleteStrategy,
    ListStrategyVersions,
    PatchStrategy,
    ReadStrategyVersion,
)
from shared.contracts.objects import strategy_object
from shared.contracts.values import JsonObject, Strategy, StrategyVersion, StrategyVersionPage
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


@pytest.fixture
def versions(database: Database) -> VersionHandlers:
    """The handlers of versions."""
    return VersionHandlers(database)


def _spec(number: int) -> JsonObject:
    """A spec whose keys are in no order of their own."""
    return {"entry_long": f"close > {number}", "a": [1, 1.0, None]}


async def _strategy_with(strategies: StrategyHandlers, clock: FakeClock, call: Call, number: int) -> str:
    """Store a strategy with so many versions, a day apart, and a change of its name before each; returns its id."""
    answer = await strategies.create(CreateStrategy(name="0", spec=_spec(1)), call)
    assert isinstance(answer.value, Strategy)
    for version in range(2, number + 1):
        await strategies.patch(PatchStrategy(id=answer.value.id, name=str(version)), call)
        clock.advance(days=1)
        await strategies.patch(PatchStrategy(id=answer.value.id, spec=_spec(version)), call)
    return answer.value.id


async def _page(
    versions: VersionHandlers, call: Call, strategy_id: str, *, limit: int = 50, cursor: str | None = None
) -> StrategyVersionPage:
    answer = await versions.list_all(ListStrategyVersions(id=strategy_id, limit=limit, cursor=cursor), call)
    assert isinstance(answer.value, StrategyVersionPage)
    return answer.value


async def test_each_version_is_read_with_its_own_spec_and_time(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call
) -> None:
    """A change of the spec makes one, any other change none; each answers at the strategy's object version."""
    begun = clock.now()
    strategy_id = await _strategy_with(strategies, clock, ana, 3)
    for number in (1, 2, 3):
        answer = await versions.read(ReadStrategyVersion(id=strategy_id, version=number), ana)
        version = answer.value
        assert isinstance(version, StrategyVersion)
        assert (version.strategy_id, version.version, version.spec) == (strategy_id, number, _spec(number))
        assert list(version.spec) == ["entry_long", "a"]
        assert len(version.spec_hash) == 64
        assert version.created_at == begun + (number - 1) * timedelta(days=1)
        assert answer.versions == {strategy_object(strategy_id): 5}


@pytest.mark.parametrize("limit", [1, 2, 6, 7, 8, 200])
async def test_pages_put_together_are_all_versions(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call, limit: int
) -> None:
    """The newest first, each once, with what it says read alone; another strategy's are not among them."""
    await _strategy_with(strategies, clock, ana, 2)
    strategy_id = await _strategy_with(strategies, clock, ana, 7)
    await _strategy_with(strategies, clock, ana, 2)
    found: list[StrategyVersion] = []
    cursor: str | None = None
    while True:
        page = await _page(versions, ana, strategy_id, limit=limit, cursor=cursor)
        assert 0 < len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [version.version for version in found] == [7, 6, 5, 4, 3, 2, 1]
    for version in found:
        alone = await versions.read(ReadStrategyVersion(id=strategy_id, version=version.version), ana)
        assert alone.value == version


async def test_a_version_made_in_between_disturbs_no_page(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call
) -> None:
    """What was there when the first page was read comes once; the answer says which state of the strategy it is of."""
    strategy_id = await _strategy_with(strategies, clock, ana, 4)
    first = await _page(versions, ana, strategy_id, limit=2)
    await strategies.patch(PatchStrategy(id=strategy_id, spec=_spec(5)), ana)
    answer = await versions.list_all(
        ListStrategyVersions(id=strategy_id, limit=2, cursor=first.next_cursor), call_of(ana.principal)
    )
    assert isinstance(answer.value, StrategyVersionPage)
    assert [version.version for version in first.items + answer.value.items] == [4, 3, 2, 1]
    assert answer.versions == {strategy_object(strategy_id): 8}


async def test_what_is_not_there_is_not_found(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call, ben: Call
) -> None:
    """Another owner's strategy, one that never was, an id that is none, a version never made or of no column's size."""
    strategy_id = await _strategy_with(strategies, clock, ana, 1)
    for call, asked in ((ben, strategy_id), (ana, new_id()), (ana, "x"), (ana, strategy_id.upper())):
        with pytest.raises(NotFound):
            await _page(versions, call, asked)
        with pytest.raises(NotFound):
            await versions.read(ReadStrategyVersion(id=asked, version=1), call)
    for number in (0, -1, 2, 2**31, 2**63):
        with pytest.raises(NotFound, match=f"version {number}"):
            await versions.read(ReadStrategyVersion(id=strategy_id, version=number), ana)


async def test_versions_go_with_their_strategy(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call
) -> None:
    """After its deletion none is found."""
    strategy_id = await _strategy_with(strategies, clock, ana, 2)
    await strategies.delete(DeleteStrategy(id=strategy_id), ana)
    with pytest.raises(NotFound):
        await _page(versions, ana, strategy_id)
    with pytest.raises(NotFound):
        await versions.read(ReadStrategyVersion(id=strategy_id, version=1), ana)


async def test_a_cursor_belongs_to_its_strategy(
    strategies: StrategyHandlers, versions: VersionHandlers, clock: FakeClock, ana: Call
) -> None:
    """With another strategy's it is refused."""
    one, other = [await _strategy_with(strategies, clock, ana, 3) for _ in range(2)]
    cursor = (await _page(versions, ana, one, limit=1)).next_cursor
    with pytest.raises(Malformed):
        await _page(versions, ana, other, cursor=cursor)
    assert (await _page(versions, ana, one, cursor=cursor)).items


async def test_nobody_reads_nothing(versions: VersionHandlers) -> None:
    """Who is not logged in is told to."""
    with pytest.raises(Unauthenticated):
        await _page(versions, call_of(None), new_id())

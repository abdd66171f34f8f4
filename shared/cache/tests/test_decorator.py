"""Functions whose results are kept."""

import inspect
from datetime import date
from typing import Any

import pytest

from shared.cache.api import PlainCache
from shared.cache.decorator import cached
from shared.cache.fake import FakeCacheStore

CACHE = PlainCache(FakeCacheStore())
CALLS: list[tuple[object, ...]] = []


@cached(CACHE, "prices", ttl=60)
async def price(symbol: str, day: date, *, digits: int = 2) -> float | None:
    """The price of a symbol."""
    CALLS.append((symbol, day, digits))
    return None if symbol == "NONE" else round(len(symbol) / 3, digits)


@pytest.fixture(autouse=True)
async def empty() -> None:
    CALLS.clear()
    await CACHE.delete("prices")


DAY = date(2026, 11, 29)


async def test_a_call_is_made_once_for_its_arguments() -> None:
    """However they are passed; each other list of arguments is another result, a None as well."""
    same = [await price("ABCD", DAY), await price(day=DAY, symbol="ABCD"), await price("ABCD", DAY, digits=2)]
    assert same == [1.33] * 3
    assert await price("ABCD", DAY, digits=3) == 1.333
    assert [await price("NONE", DAY) for _ in range(2)] == [None, None]
    assert CALLS == [("ABCD", DAY, 2), ("ABCD", DAY, 3), ("NONE", DAY, 2)]


async def test_deleting_the_name_forgets_all_its_results() -> None:
    """There is nothing that forgets one."""
    for _ in range(2):
        await price("A", DAY)
        await price("AB", DAY)
        await CACHE.delete("prices")
    assert len(CALLS) == 4


async def test_values_of_other_types_are_other_arguments() -> None:
    """1, 1.0, True and "1" are equal or look alike, and may mean different things."""
    seen = []

    @cached(CACHE, "prices")
    async def shown(value: object) -> str:
        seen.append(value)
        return repr(value)

    given = [1, 1.0, True, "1", date(2026, 1, 2), "2026-01-02", {"b": 1, "a": 2}, None]
    assert [await shown(value) for value in given] == [repr(value) for value in given]
    assert await shown({"a": 2, "b": 1}) == repr({"b": 1, "a": 2})
    assert len(seen) == len(given)


async def test_the_function_keeps_its_signature() -> None:
    """For people and tools, and for the type checker: it complains where a `type: ignore` is not needed."""
    assert (price.__name__, price.__doc__) == ("price", "The price of a symbol.")
    assert list(inspect.signature(price).parameters) == ["symbol", "day", "digits"]
    answer: float | None = await price("A", DAY)
    wrong: int = await price("A", DAY)  # type: ignore[assignment]
    assert answer == wrong
    with pytest.raises(TypeError, match="missing a required argument"):
        await price("A")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword"):
        await price("A", DAY, digit=3)  # type: ignore[call-arg]
    await price("A", "2026-11-29")  # type: ignore[arg-type]


async def test_a_function_that_cannot_be_cached_is_refused_where_it_is_written() -> None:
    """Rather than at its first call."""

    def plain() -> int:
        return 1

    async def silent():  # type: ignore[no-untyped-def]
        return 1

    refused: Any = cached(CACHE, "prices")
    with pytest.raises(TypeError, match="is not async"):
        refused(plain)
    with pytest.raises(TypeError, match="does not say what it returns"):
        refused(silent)

"""Any interleaving of readers, writers, openers, events and losses: nobody is ever served less than was promised."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.cache.fake import FakeCacheStore
from shared.cache.tests import mutants
from shared.cache.tests.history import Choose, History
from shared.cache.tests.labs import FakeLab, Lab
from shared.cache.tests.twins import Twins
from tests.servers import ValkeyServer

T = TypeVar("T")

STEPS = 60
"""In each history."""

HISTORIES = 6000
"""In which a mistake must be found; the hardest of them takes a fifth of that."""


async def live(lab: Lab, choose: Choose, **flags: bool) -> None:
    """Begin with an open cache, and take STEPS steps. Raises AssertionError when one breaks a promise."""
    await lab.wipe()
    history = History(lab, choose, available=choose((False, True)), **flags)
    for _ in range(STEPS):
        await history.step()


def drawing(data: st.DataObject) -> Choose:
    """As the search wants it."""

    def choose(options: Sequence[T], /) -> T:
        return data.draw(st.sampled_from(options))

    return choose


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_interleaving_breaks_the_fake(data: st.DataObject) -> None:
    """What other packages' tests rely on is as strict as the real store."""
    asyncio.run(live(FakeLab(), drawing(data)))


def test_no_interleaving_breaks_the_real_store(cache_server: ValkeyServer) -> None:
    """A read is never older than a commit, or what anybody was answered, before it began, whatever is lost when; and
    the store answers each step as the fake does.
    """

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def explore(data: st.DataObject) -> None:
        asyncio.run(live_as_twins(cache_server.url, drawing(data)))

    explore()


async def live_as_twins(url: str, choose: Choose) -> None:
    """Live on the fake and on a server at once."""
    twins = Twins(url)
    try:
        await live(twins, choose)
    finally:
        await twins.close()


async def searched(make: Callable[..., FakeCacheStore], **flags: bool) -> None:
    """Live many histories, the same ones each time. Raises AssertionError with the first that breaks a promise."""
    chance = random.Random(6)  # no secret
    for _ in range(HISTORIES):
        await live(FakeLab(make), chance.choice, **flags)


@pytest.mark.parametrize("mutant", mutants.ALL)
async def test_a_cache_that_is_wrong_is_found_out(mutant: type[FakeCacheStore]) -> None:
    """The search is strong enough: each safeguard that is taken away is missed within its budget."""
    with pytest.raises(AssertionError):
        await searched(mutant)


@pytest.mark.parametrize("without", ["waits", "raises"])
async def test_a_service_that_is_wrong_is_found_out(without: str) -> None:
    """So are openers who wait for nobody, and writers who rely on events."""
    with pytest.raises(AssertionError):
        await searched(FakeCacheStore, **{without: False})

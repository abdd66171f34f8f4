"""The past is read from a real bus, whole and in order."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as BusAway

from services.metrics import history
from services.metrics.history import AT_ONCE, read_history
from shared.contracts.streams import TIMINGS
from shared.runtime.bus.connection import Entry, make_client

pytestmark = pytest.mark.integration


class Taken:
    """Takes what it is handed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, entries: list[Entry]) -> None:
        """Take a portion."""
        self.bodies += [entry.fields[b"batch"] for entry in entries]


@pytest.mark.parametrize("number", [0, 1, AT_ONCE, 2 * AT_ONCE + 3])
async def test_every_entry_is_handed_over_once(bus_url: str, number: int) -> None:
    """However they divide into portions, oldest first."""
    taken = Taken()
    async with make_client(bus_url) as client:
        for place in range(number):
            await client.xadd(TIMINGS, {"batch": str(place)})
        await read_history(client, taken)
    assert taken.bodies == [str(place).encode() for place in range(number)]


class FailingBus:
    """A bus whose every other answer is lost."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._fails = False

    async def xrange(self, name: str, after: str, count: int) -> object:
        """Ask, or fail."""
        self._fails = not self._fails
        if self._fails:
            raise BusAway("the bus is away")
        return await self._client.xrange(name, after, count=count)


async def test_a_bus_that_is_away_is_waited_for(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on where it was: nothing is left out and nothing handed over twice."""
    monkeypatch.setattr(history, "RETRY_SECONDS", 0)
    number = 2 * AT_ONCE + 3
    taken = Taken()
    async with make_client(bus_url) as client:
        for place in range(number):
            await client.xadd(TIMINGS, {"batch": str(place)})
        await read_history(FailingBus(client), taken)  # type: ignore[arg-type]  # the one command it uses
    assert taken.bodies == [str(place).encode() for place in range(number)]

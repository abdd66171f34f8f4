"""What a run is made from: a dataset of the caller's, and a spec that is stored or came with the request."""

from datetime import date
from zoneinfo import ZoneInfo

from services.backtest.store.datasets import read_dataset
from services.backtest.strategies import Strategies
from shared.contracts.errors import InputError, Invalid, Malformed, NotFound
from shared.contracts.ids import is_id
from shared.contracts.messages import CreateBacktest, CreateSweep
from shared.contracts.values import Dataset, JsonObject
from shared.runtime.bus.server import Call
from shared.runtime.database import Database


class Sources:
    """Where the handlers that start something find what it needs. What is another owner's is not found."""

    def __init__(self, database: Database, strategies: Strategies) -> None:
        self._database = database
        self._strategies = strategies

    async def dataset(self, dataset_id: str, owner: str) -> Dataset:
        """Return the owner's dataset. Raises NotFound."""
        found = None
        if is_id(dataset_id):
            async with self._database.reading() as connection:
                found = await read_dataset(connection, dataset_id, owner)
        if found is None:
            raise NotFound("There is no such dataset; upload it first")
        return found[0]

    async def spec(self, message: CreateBacktest | CreateSweep, call: Call) -> tuple[JsonObject, int | None]:
        """Return the spec to run and the version of the strategy it is, if it is one's.

        Raises Invalid when not exactly one is named, NotFound for a strategy that is not there.
        """
        if message.spec is not None:
            if message.strategy_id is not None:
                raise _invalid("/spec", "give either a strategy_id or a spec, not both")
            if message.strategy_version is not None:
                raise _invalid("/strategy_version", "only a stored strategy has versions; take it out")
            return message.spec, None
        if message.strategy_id is None:
            raise _invalid("/strategy_id", "give the id of a stored strategy, or a spec in its place")
        strategy = await self._strategies.read(message.strategy_id, message.strategy_version, call)
        return strategy.spec, strategy.version


def refuse_no_ids(**filters: str | None) -> None:
    """Raise Malformed for a filter of a list that can be no id."""
    for name, wanted in filters.items():
        if wanted is not None and not is_id(wanted):
            raise Malformed(f"{name} is no id", errors=(InputError(f"/{name}", "is no id"),))


def days_of(dataset: Dataset) -> tuple[date, date]:
    """The first and the last day of a dataset on the clocks of its zone."""
    zone = ZoneInfo(dataset.timezone)
    return dataset.start.astimezone(zone).date(), dataset.end.astimezone(zone).date()


def _invalid(pointer: str, message: str) -> Invalid:
    return Invalid(f"{pointer}: {message}", errors=(InputError(pointer, message),))

"""Every list of strategies that the API can be asked for."""

from typing import get_args

from bench.query_plans.pages import page_trials
from bench.query_plans.population import BIGGEST, NOBODY, SMALL
from bench.query_plans.query import VERSION, Query, Trial
from services.strategy.store.lists import list_strategies, strategies_keyset
from shared.contracts.messages import ListStrategies, StrategySort
from shared.contracts.values import StrategyStatus
from shared.runtime.database import Connection

_SORTS: tuple[StrategySort, ...] = get_args(StrategySort)
_STATUSES: tuple[StrategyStatus | None, ...] = (None, *get_args(StrategyStatus))


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each order, with and without a status."""
    trials: dict[tuple[str, str], list[Trial]] = {}
    for owner in (BIGGEST, SMALL, NOBODY):
        for sort in _SORTS:
            for status in _STATUSES:
                asked = ListStrategies(sort=sort, status=status)
                order, with_status = sort.removeprefix("-"), "status_" if status else ""
                name = f"strategies{' of a status' if status else ''} by {order}"
                keyset = strategies_keyset(owner, asked)
                of_it = await page_trials(connection, list_strategies, keyset, owner, asked)
                trials.setdefault((name, f"strategies_by_{with_status}{order}"), []).extend(of_it)
    return [Query(name, "strategy", frozenset({VERSION, index}), of_it) for (name, index), of_it in trials.items()]

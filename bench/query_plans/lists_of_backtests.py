"""Every list of backtests that the API can be asked for: all filters together, all orders."""

from collections.abc import Iterator
from itertools import product
from typing import get_args

from bench.query_plans.pages import list_trial, page_trials
from bench.query_plans.population import (
    BIGGEST,
    FAILING,
    FOREIGN_DATASET,
    FOREIGN_STRATEGY,
    IDLE,
    MAIN,
    NOBODY,
    SELDOM,
    SMALL,
    USUAL,
    dataset,
    strategy,
)
from bench.query_plans.query import VERSION, Query, Trial
from services.backtest.store.backtests import backtests_keyset, list_backtests
from shared.contracts.messages import BacktestSort, ListBacktests
from shared.contracts.values import BacktestStatus
from shared.runtime.database import Connection

_SORTS: tuple[BacktestSort, ...] = get_args(BacktestSort)
_STATUSES: tuple[BacktestStatus | None, ...] = (None, *get_args(BacktestStatus))
_TRIED: tuple[tuple[str, tuple[str | None, ...], tuple[str | None, ...]], ...] = (
    (BIGGEST, (None, USUAL, FAILING, IDLE, FOREIGN_STRATEGY), (None, MAIN, SELDOM, FOREIGN_DATASET)),
    (SMALL, (None, strategy(0, of=500)), (None, dataset(0, of=500))),
    (NOBODY, (None, USUAL), (None, MAIN)),
)


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each order of each set of filters."""
    trials: dict[tuple[str, frozenset[str]], list[Trial]] = {}
    for owner, asked in _asked():
        keyset = backtests_keyset(owner, asked)
        walks = 2 if asked.sort.endswith("sharpe") else 1
        of_it = await page_trials(connection, list_backtests, keyset, owner, asked, walks=walks)
        trials.setdefault((_name(asked), _indexes(asked)), []).extend(of_it)
    lists = [Query(name, "backtest", indexes, of_it) for (name, indexes), of_it in trials.items()]
    empty = [list_trial(list_backtests, BIGGEST, asked, rows=1) for asked in _without_a_metric()]
    return [*lists, Query("backtests by a metric that they cannot have", "backtest", frozenset({VERSION}), empty)]


def _asked() -> Iterator[tuple[str, ListBacktests]]:
    for owner, strategies, datasets in _TRIED:
        for sort, status in product(_SORTS, _STATUSES):
            if _by_metric(sort) and status not in {None, "succeeded"}:
                continue
            for strategy_id, dataset_id in product(strategies, datasets):
                asked = ListBacktests(sort=sort, status=status, strategy_id=strategy_id, dataset_id=dataset_id)
                yield owner, asked


def _without_a_metric() -> Iterator[ListBacktests]:
    for sort, status in product(_SORTS, _STATUSES):
        if _by_metric(sort) and status not in {None, "succeeded"}:
            yield ListBacktests(sort=sort, status=status)


def _by_metric(sort: str) -> bool:
    return not sort.endswith("created_at")


def _name(asked: ListBacktests) -> str:
    filters = [" of a strategy" if asked.strategy_id else "", " on a dataset" if asked.dataset_id else ""]
    if asked.status and not _by_metric(asked.sort):
        filters.append(" of a status")
    return f"backtests{''.join(filters)} by {asked.sort.removeprefix('-')}"


def _indexes(asked: ListBacktests) -> frozenset[str]:
    filters = "_and_".join(["strategy"] * bool(asked.strategy_id) + ["dataset"] * bool(asked.dataset_id))
    order = "status" if asked.status and not _by_metric(asked.sort) else asked.sort.removeprefix("-")
    return frozenset({VERSION, "_".join(part for part in ("backtests_by", filters, order) if part)})

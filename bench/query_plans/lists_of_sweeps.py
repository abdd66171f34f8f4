"""Every list of sweeps that the API can be asked for: all filters together."""

from collections.abc import Iterator
from itertools import product
from typing import get_args

import msgspec

from bench.query_plans.pages import list_trial, walked
from bench.query_plans.population import (
    BIGGEST,
    FOREIGN_DATASET,
    FOREIGN_STRATEGY,
    MAIN,
    NOBODY,
    SELDOM,
    SMALL,
    USUAL,
    dataset,
    strategy,
)
from bench.query_plans.query import VERSION, Query, Trial
from services.backtest.store.sweeps import list_sweeps
from shared.contracts.messages import ListSweeps
from shared.contracts.values import BacktestStatus
from shared.runtime.database import Connection

_STATUSES: tuple[BacktestStatus | None, ...] = (None, *get_args(BacktestStatus))
_TRIED: tuple[tuple[str, tuple[str | None, ...], tuple[str | None, ...]], ...] = (
    (BIGGEST, (None, USUAL, FOREIGN_STRATEGY), (None, MAIN, SELDOM, FOREIGN_DATASET)),
    (SMALL, (None, strategy(0, of=500)), (None, dataset(0, of=500))),
    (NOBODY, (None, USUAL), (None, MAIN)),
)
_LIMITS = (1, 200)


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each set of filters."""
    trials: dict[tuple[str, frozenset[str]], list[Trial]] = {}
    for owner, asked in _asked():
        first, _ = await list_sweeps(connection, owner, asked)
        pages = [asked, *(msgspec.structs.replace(asked, limit=limit) for limit in _LIMITS)]
        if first.next_cursor is not None:
            pages.append(msgspec.structs.replace(asked, cursor=first.next_cursor))
        of_it = [list_trial(list_sweeps, owner, page, walked(page.limit)) for page in pages]
        trials.setdefault((_name(asked), _indexes(asked)), []).extend(of_it)
    return [Query(name, "backtest", indexes, of_it) for (name, indexes), of_it in trials.items()]


def _asked() -> Iterator[tuple[str, ListSweeps]]:
    for owner, strategies, datasets in _TRIED:
        for status, strategy_id, dataset_id in product(_STATUSES, strategies, datasets):
            yield owner, ListSweeps(status=status, strategy_id=strategy_id, dataset_id=dataset_id)


def _name(asked: ListSweeps) -> str:
    filters = [" of a strategy" if asked.strategy_id else "", " on a dataset" if asked.dataset_id else ""]
    return f"sweeps{''.join(filters)}{' of a status' if asked.status else ''} by created_at"


def _indexes(asked: ListSweeps) -> frozenset[str]:
    filters = "_and_".join(["strategy"] * bool(asked.strategy_id) + ["dataset"] * bool(asked.dataset_id))
    order = "status" if asked.status else "created_at"
    return frozenset({VERSION, "_".join(part for part in ("sweeps_by", filters, order) if part)})

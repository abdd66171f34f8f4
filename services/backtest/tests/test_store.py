"""Lists of backtests, page by page, on a real database: all filters together, all orders."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import msgspec
import pytest

from services.backtest.store.backtests import list_backtests
from shared.contracts.ids import new_id
from shared.contracts.messages import BacktestSort, ListBacktests
from shared.contracts.objects import backtests_object
from shared.contracts.values import BacktestStatus
from shared.runtime.database import Database

pytestmark = pytest.mark.integration

SORTS: tuple[BacktestSort, ...] = get_args(BacktestSort)
STATUSES: tuple[BacktestStatus, ...] = get_args(BacktestStatus)
START = datetime(2026, 1, 1, tzinfo=UTC)
ANA, BEN = new_id(), new_id()
STRATEGIES, DATASETS = (new_id(), new_id()), (new_id(), new_id())

_DATASET = """
INSERT INTO datasets
VALUES ($1, $2, 'n', 's', '1d', 'UTC', 2, now(), now() + interval '1 day', repeat('0', 64), 0, 0, 0, now())
"""

_RUN = """
INSERT INTO backtests (id, owner_id, strategy_id, dataset_id, status, created_at, final_value, total_return, sharpe,
                       spec, run_identity, error, metrics, result_digest, result_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '{}',
        '{"spec_hash": "", "params": {}, "dataset_sha256": "", "start": null, "end": null, "execution": {},
          "engine_version": 1}', '', '{}', '', '')
"""


class Run(msgspec.Struct, frozen=True):
    """A row of the table, as far as lists look at it."""

    id: str
    owner_id: str
    strategy_id: str | None
    dataset_id: str
    status: BacktestStatus
    created_at: datetime
    final_value: float | None
    total_return: float | None
    sharpe: float | None


@pytest.fixture
async def runs(database: Database) -> list[Run]:
    """Runs of two owners with many ties, both on the same strategies and datasets, as if one could be another's."""
    dice = random.Random(3)
    stored = [
        Run(
            id=new_id(),
            owner_id=dice.choice((ANA, ANA, BEN)),
            strategy_id=dice.choice((*STRATEGIES, None)),
            dataset_id=dice.choice(DATASETS),
            status="succeeded" if succeeded else dice.choice([one for one in STATUSES if one != "succeeded"]),
            created_at=START + timedelta(seconds=dice.randrange(5)),
            final_value=dice.choice((1e5, 2e5, 3e5)) if succeeded else None,
            total_return=dice.choice((-0.5, 0.0, 1e-9)) if succeeded else None,
            sharpe=dice.choice((None, -1.5, 0.0, 0.25)) if succeeded else None,
        )
        for succeeded in dice.choices((True, False), k=240)
    ]
    async with database.transaction() as connection:
        for dataset in DATASETS:
            await connection.execute(_DATASET, dataset, ANA)
        for run in stored:
            await connection.execute(_RUN, *msgspec.structs.astuple(run))
    return stored


def _asked() -> Iterator[ListBacktests]:
    for sort, status, strategy_id, dataset_id in product(
        SORTS, (None, *STATUSES), (None, STRATEGIES[0]), (None, DATASETS[0])
    ):
        yield ListBacktests(sort=sort, status=status, strategy_id=strategy_id, dataset_id=dataset_id, limit=7)


def _expected(runs: list[Run], owner: str, asked: ListBacktests) -> list[str]:
    """The whole list's ids in order, worked out without the database."""
    field = asked.sort.removeprefix("-")
    listed = [
        run
        for run in runs
        if run.owner_id == owner
        and asked.status in {None, run.status}
        and asked.strategy_id in {None, run.strategy_id}
        and asked.dataset_id in {None, run.dataset_id}
        and (field == "created_at" or run.status == "succeeded")
    ]
    present = [run for run in listed if getattr(run, field) is not None]
    absent = [run for run in listed if getattr(run, field) is None]
    backwards = asked.sort.startswith("-")
    present.sort(key=lambda run: (getattr(run, field), run.id), reverse=backwards)
    absent.sort(key=lambda run: run.id, reverse=backwards)
    return [run.id for run in present + absent]


async def test_pages_put_together_are_the_list(database: Database, runs: list[Run]) -> None:
    """For every order and all filters together: each row once, in order, the owner's alone, and the list's version."""
    lengths = set()
    async with database.reading() as connection:
        await connection.execute("INSERT INTO object_version VALUES ($1, 41)", backtests_object(ANA))
        for asked in _asked():
            found: list[str] = []
            cursor: str | None = None
            while True:
                page, version = await list_backtests(connection, ANA, msgspec.structs.replace(asked, cursor=cursor))
                assert version == 41
                found += [run.id for run in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
                assert len(page.items) == 7
            assert found == _expected(runs, ANA, asked), asked
            lengths.add(len(found))
    assert min(lengths) == 0
    assert max(lengths) > 100

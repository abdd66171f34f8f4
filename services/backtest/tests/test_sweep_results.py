"""What a sweep leaves: pages by any metric, files of all combinations, one digest."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from numpy.typing import NDArray

from services.backtest.core.columns_digest import ColumnsDigest
from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.steps import work_off
from services.backtest.tests.sweep_steps import exported, pages, queued_sweep, read_sweep, rows_of, table_of
from shared.contracts.errors import Malformed
from shared.contracts.messages import ListSweepResults, TableForm
from shared.contracts.sweep_values import Sweep, SweepRowPage
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.objects import Objects

pytestmark = pytest.mark.integration

# The choice makes every other combination one that never trades, and so has no Sharpe ratio.
SPEC = {
    "params": {
        "n": {"type": "int", "min": 2, "max": 60, "default": 10},
        "trade": {"type": "bool", "default": True},
        "side": {"type": "choice", "choices": ["above", "below"], "default": "above"},
    },
    "entry_long": "trade and (close > sma(close, n) and side == 'above' or close < sma(close, n) and side == 'below')",
    "exit_long": "close < sma(close, n) and side == 'above' or close > sma(close, n) and side == 'below'",
}
GRID = {"n": [10, 20, 30], "trade": [True, False], "side": ["above", "below"]}
PARAMS = ["params.n", "params.side", "params.trade"]
METRICS = [
    "final_value", "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "trades", "win_rate",
    "profit_factor",
]  # fmt: skip


@pytest.fixture
async def sweep(jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, ana: Call) -> Sweep:
    """A sweep over a number, a flag and a choice, done."""
    made = await queued_sweep(sweeps, ana, dataset, spec=SPEC, grid=GRID)
    await work_off(jobs)
    return await read_sweep(sweeps, made, ana)


@pytest.mark.parametrize("limit", [1, 2, 5, 11, 12, 50])
@pytest.mark.parametrize(("metric", "sign"), [("sharpe", -1), ("volatility", 1), ("trades", -1), ("win_rate", -1)])
async def test_pages_make_up_the_whole_in_order(
    sweep: Sweep,
    sweep_results: SweepResultHandlers,
    ana: Call,
    metric: str,
    sign: int,
    limit: int,
) -> None:
    """Whatever their length: the best first, those without the metric last, equals in order of the grid."""
    found = [page async for page in pages(sweep_results, sweep, ana, metric, limit)]  # type: ignore[arg-type]  # a name
    assert {len(page) for page in found[:-1]} <= {limit}
    rows = [row for page in found for row in page]
    assert len({row.number for row in rows}) == len(rows) == 12

    def place(number: int) -> tuple[bool, float, int]:
        value = by_number[number].metrics[metric]
        return value is None, sign * (value or 0), number

    by_number = {row.number: row for row in rows}
    assert [row.number for row in rows] == sorted(by_number, key=place)


async def test_a_cursor_is_of_one_sweep_and_one_metric(
    sweep: Sweep, sweep_results: SweepResultHandlers, ana: Call
) -> None:
    """With another it is refused, as is a text that nobody gave out."""
    page = (await sweep_results.list_results(ListSweepResults(id=sweep.id, limit=2), ana)).value
    assert isinstance(page, SweepRowPage)
    same = ListSweepResults(id=sweep.id, limit=2, metric="sharpe", cursor=page.next_cursor)
    assert (await sweep_results.list_results(same, ana)).value
    for message in (
        ListSweepResults(id=sweep.id, metric="trades", cursor=page.next_cursor),
        ListSweepResults(id=sweep.id, cursor="WzEsMl0"),
        ListSweepResults(id=sweep.id, cursor="%%%"),
    ):
        with pytest.raises(Malformed):
            await sweep_results.list_results(message, ana)


async def test_the_file_has_all_combinations_in_order(
    sweep: Sweep, sweep_results: SweepResultHandlers, objects: Objects, ana: Call
) -> None:
    """The last param turning fastest, each column of its own type, nothing where a metric is not defined."""
    table = await table_of(sweep_results, objects, sweep, ana)
    assert table.column_names == ["number", *PARAMS, *METRICS, "valid"]
    assert table["number"].to_pylist() == list(range(12))
    assert table["params.n"].to_pylist() == [10] * 4 + [20] * 4 + [30] * 4
    assert table["params.side"].to_pylist() == ["above", "above", "below", "below"] * 3
    assert table["params.trade"].to_pylist() == [True, False] * 6
    assert {str(table[name].type) for name in METRICS} == {"double", "int64"}
    for row in await rows_of(sweep_results, sweep, ana):
        assert [table[name][row.number].as_py() for name in METRICS] == [row.metrics[name] for name in METRICS]
        assert [table[name][row.number].as_py() for name in PARAMS] == [row.params[name[7:]] for name in PARAMS]
    assert table["sharpe"].null_count == 6


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_every_form_holds_the_same(
    sweep: Sweep, sweep_results: SweepResultHandlers, objects: Objects, ana: Call, form: TableForm
) -> None:
    """To the bit: a number in CSV reads back as the same float64."""
    content = io.BytesIO(await exported(sweep_results, objects, sweep, ana, form))
    expected = await table_of(sweep_results, objects, sweep, ana)
    found = pa.csv.read_csv(content) if form == "csv" else pa.parquet.read_table(content)
    assert found.cast(expected.schema).equals(expected)


async def test_anybody_can_work_out_the_digest(
    sweep: Sweep, sweep_results: SweepResultHandlers, objects: Objects, ana: Call
) -> None:
    """From the columns of the file, in their order, however its rows are cut."""
    table = (await table_of(sweep_results, objects, sweep, ana)).drop_columns(["number"])
    digest = ColumnsDigest()
    for part in (table.slice(0, 5), table.slice(5)):
        digest.update({name: _plain(name, part[name].to_pylist()) for name in part.column_names})
    assert digest.hexdigest() == sweep.result_digest


def _plain(name: str, values: list[object]) -> NDArray[Any]:
    if name in METRICS:
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(values)

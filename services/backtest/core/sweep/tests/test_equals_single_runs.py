"""A sweep against single runs: every row is that of its own run, to the bit."""

import math
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Ten
from services.backtest.core.language import CheckedSpec, InvalidParams, InvalidSpec, check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.sweep.grid import InvalidSpace
from services.backtest.core.sweep.result import SweepResult
from services.backtest.core.sweep.run import Sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.documents import documents, grids, market
from shared.contracts.values import Execution
from tests.depth import examples

executions = st.builds(
    Execution,
    initial_cash=st.sampled_from([50.0, 1000.0]),
    fill=st.sampled_from(["next_open", "close"]),
    fee_bps=st.sampled_from([0.0, 10.0]),
    fee_fixed=st.sampled_from([0.0, 1.0]),
    slippage_bps=st.sampled_from([0.0, 5.0]),
    borrow_bps_per_year=st.sampled_from([0.0, 300.0]),
    lot_size=st.sampled_from([None, 1.0]),
    stop_rule=st.sampled_from(["stop_first", "target_first"]),
    close_at_end=st.booleans(),
)


def _row(spec: CheckedSpec, bars: Bars, params: dict[str, Any], execution: Execution) -> list[float]:
    try:
        metrics = run_backtest(spec, bars, params, execution).metrics
    except InvalidParams:
        return [math.nan] * len(Ten._fields)
    return [math.nan if metrics[name] is None else float(metrics[name] or 0.0) for name in Ten._fields]


def _check(spec: CheckedSpec, bars: Bars, execution: Execution, result: SweepResult) -> None:
    for index in range(len(result)):
        row = _row(spec, bars, result.combinations.params(index), execution)
        assert result.valid[index] == (not math.isnan(row[0]))
        np.testing.assert_array_equal(result.metrics[:, index], row)


@settings(deadline=None, max_examples=examples(50))
@given(documents, grids, st.integers(0, 2**32), st.integers(1, 60), executions)
def test_every_row_is_its_single_run(
    document: dict[str, Any], grid: dict[str, Any], seed: int, size: int, execution: Execution
) -> None:
    """All ten metrics are the same float64 as those of a run with the same params, for any strategy that has any."""
    try:
        spec = check_spec(document)
        space = Space.read(spec, grid)
    except (InvalidSpec, InvalidSpace):
        assume(False)
    bars = market(seed, size)
    _check(spec, bars, execution, Sweep(bars, execution, space).run(0, space.stop))


@settings(deadline=None, max_examples=examples(25))
@given(documents, grids, st.integers(0, 2**32), st.integers(2500, 8000), executions)
def test_so_it_is_over_many_blocks(
    document: dict[str, Any], grid: dict[str, Any], seed: int, size: int, execution: Execution
) -> None:
    """On bars that take several blocks, lags reach from one into the one before."""
    try:
        spec = check_spec(document)
        space = Space.read(spec, grid, {"n": 4, "seed": seed})
    except (InvalidSpec, InvalidSpace):
        assume(False)
    bars = market(seed, size)
    _check(spec, bars, execution, Sweep(bars, execution, space).run(0, space.stop))

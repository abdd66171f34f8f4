"""What holds for every strategy on any bars: later bars change nothing before them, and a run has one digest."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.core.tests.strategies import Strategy, executions, markets, trading
from shared.contracts.values import Execution
from tests.depth import examples

COLUMNS = ("time", "open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """Another process, which shares nothing with this one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def run(document: dict[str, Any], columns: list[Any], execution: dict[str, Any]) -> BacktestResult:
    """A run from what travels between processes."""
    return run_backtest(check_spec(document), Bars(*columns), None, Execution(**execution))


def digest(document: dict[str, Any], columns: list[Any], execution: dict[str, Any]) -> str:
    """The digest of such a run."""
    return run(document, columns, execution).result_digest


@settings(deadline=None, max_examples=examples(80))
@given(trading(), markets(least=2), executions, st.floats(0, 1))
def test_later_bars_change_nothing_before_them(
    strategy: Strategy, bars: Bars, execution: dict[str, Any], share: float
) -> None:
    """A run on the first bars is, to the bit, the beginning of the run on all of them.

    The last of the first bars is left out where a run treats its last bar in its own way: a fill at the close, which
    never happens on it, or the closing at the end.
    """
    cut = 1 + int(share * (len(bars) - 2))
    whole = run(strategy.document, [getattr(bars, name) for name in COLUMNS], execution)
    first = run(strategy.document, [getattr(bars, name)[:cut] for name in COLUMNS], execution)
    stop = cut - (execution["fill"] == "close" or execution["close_at_end"])
    for curve in ("equity", "position", "drawdown"):
        np.testing.assert_array_equal(getattr(first, curve)[:stop], getattr(whole, curve)[:stop])
    over = [trade for trade in first.trades if trade.status == "closed" and trade.exit_time in first.time[:stop]]
    assert over == [whole.trades[index] for index in range(len(over))]


@settings(
    deadline=None,
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(strategy=trading(), bars=markets(), execution=executions)
def test_a_run_has_one_digest(
    elsewhere: ProcessPoolExecutor, strategy: Strategy, bars: Bars, execution: dict[str, Any]
) -> None:
    """Run again, from copies elsewhere in memory, and in another process: every bit is the same."""
    columns = [getattr(bars, name) for name in COLUMNS]
    shifted = [np.concatenate([column[:1], column])[1:] for column in columns]
    known = digest(strategy.document, columns, execution)
    assert digest(strategy.document, shifted, execution) == known
    assert elsewhere.submit(digest, strategy.document, pickle.loads(pickle.dumps(columns)), execution).result() == known

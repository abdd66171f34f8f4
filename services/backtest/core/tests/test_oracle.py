"""The engine, from document to metrics, against plain Python, for random strategies on random bars."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.core.tests import oracle
from services.backtest.core.tests.oracle_expressions import Column, Expression, values, warmup
from services.backtest.core.tests.strategies import DAY, PRICES, Strategy, executions, markets, trading
from shared.contracts.values import Execution
from tests.depth import examples

TEN = (
    "final_value", "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "trades", "win_rate",
    "profit_factor",
)  # fmt: skip
YEAR = 252


def _volatility(sizing: dict[str, Any]) -> dict[str, Expression]:
    """The deviation of the returns a volatility target looks back on."""
    if sizing["method"] != "volatility_target":
        return {}
    window = sizing["window"]
    returns = ("-", ("/", ("close",), ("lag", ("close",), 1)), ("number", 1))
    return {"volatility": ("*", ("stddev", returns, window), ("number", math.sqrt(window / (window - 1))))}


def _options(sizing: dict[str, Any], execution: dict[str, Any]) -> dict[str, Any]:
    target = sizing["method"] == "volatility_target"
    return {
        "cash": execution["initial_cash"],
        "method": sizing["method"],
        "size": sizing["value"] / math.sqrt(YEAR) if target else sizing["value"],
        "lot": execution["lot_size"],
        "fee": execution["fee_bps"] / 1e4,
        "fee_fixed": execution["fee_fixed"],
        "slippage": execution["slippage_bps"] / 1e4,
        "borrow": execution["borrow_bps_per_year"] / 1e4,
        "at_close": execution["fill"] == "close",
        "target_first": execution["stop_rule"] == "target_first",
        "close_at_end": execution["close_at_end"],
    }


def _expected(strategy: Strategy, bars: Bars, execution: dict[str, Any]) -> tuple[int, oracle.Run]:
    columns = {name: getattr(bars, name).tolist() for name in PRICES}
    terms = strategy.stops | _volatility(strategy.sizing)
    parts = [*strategy.rules.values(), *terms.values()]
    first = max(max(warmup(part, lags=True), warmup(part, lags=False) + 1) for part in parts)
    given = {"volatility": [math.nan] * len(bars)} | {term: _numbers(values(e, columns)) for term, e in terms.items()}
    columns["years"] = [0.0, *(np.diff(bars.time) / DAY / 365.25).tolist()]
    run = oracle.Run(columns, given, _options(strategy.sizing, execution))
    return first, run.go({rule: values(e, columns) for rule, e in strategy.rules.items()}, first)


def _numbers(column: Column) -> Column:
    return [math.nan if value is None else value for value in column]


def _assert_same_trades(result: BacktestResult, expected: oracle.Run) -> None:
    closed = [trade for trade in result.trades if trade.status == "closed"]
    assert [trade.exit_reason for trade in closed] == [trade[-1] for trade in expected.trades]
    for ours, (units, since, entry, until, exit_, pnl, fees, _) in zip(closed, expected.trades, strict=True):
        assert (ours.entry_time, ours.exit_time) == (result.time[since], result.time[until])
        signed = ours.quantity if ours.side == "long" else -ours.quantity
        prices = (signed, ours.entry_price, ours.exit_price)
        np.testing.assert_allclose(prices, (units, entry, exit_), rtol=1e-9)
        np.testing.assert_allclose((ours.pnl, ours.fees), (pnl, fees), rtol=1e-9, atol=1e-9)
    assert len(result.trades) - len(closed) == (expected.units != 0.0)


@settings(deadline=None, max_examples=examples(120))
@given(trading(), markets(), executions)
def test_the_engine_agrees_with_plain_python(strategy: Strategy, bars: Bars, execution: dict[str, Any]) -> None:
    """Warm-up, equity on every bar, every trade, the ten metrics and what was not filled, down to rounding."""
    first, expected = _expected(strategy, bars, execution)
    result = run_backtest(check_spec(strategy.document), bars, None, Execution(**execution))
    assert result.warmup_bars == first
    _assert_same_trades(result, expected)
    np.testing.assert_allclose(result.equity, expected.equity, rtol=1e-9, atol=1e-9)
    assert result.ruined == (expected.ruin >= 0)
    unfilled = [int(warning.split()[0]) for warning in result.warnings if "not filled" in warning]
    assert sum(unfilled) == len(expected.unfilled)
    fees = sum(trade[6] for trade in expected.trades) + (expected.costs if expected.units else 0.0)
    assert result.metrics["fees_paid"] == pytest.approx(fees, rel=1e-9, abs=1e-9)
    assert result.metrics["slippage_paid"] == pytest.approx(expected.slipped, rel=1e-9, abs=1e-9)
    if len(bars) > 1:
        ours = [math.nan if (value := result.metrics[name]) is None else value for name in TEN]
        theirs = expected.ten(YEAR, float(bars.time[-1] - bars.time[0]) / DAY)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)

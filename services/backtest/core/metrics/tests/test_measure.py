"""All metrics of a run."""

import math

import pytest
from hypothesis import given, settings

from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.tests.reference import run
from services.backtest.core.tests.strategies import executions, markets
from shared.contracts.values import Execution

NAMES = {
    "final_value", "total_return", "cagr", "bars_per_year", "volatility", "sharpe", "sortino", "max_drawdown",
    "max_drawdown_bars", "calmar", "exposure", "trades", "win_rate", "profit_factor", "expectancy", "best_trade",
    "worst_trade", "avg_trade", "avg_bars_held", "sqn", "fees_paid",
}  # fmt: skip


@settings(deadline=None)
@given(markets(most=30), executions)
def test_a_metric_is_a_number_or_none(bars: Bars, options: dict[str, float]) -> None:
    """Never NaN and never infinite, on any bars, down to a single one."""
    spec = check_spec({"entry_long": "close > open", "entry_short": "close < open", "exit_long": "close < 2"})
    execution = Execution(initial_cash=options["cash"], fee_bps=options["fee_bps"], fee_fixed=options["fee_fixed"])
    metrics = run_backtest(spec, bars, None, execution).metrics
    assert set(metrics) == NAMES
    assert all(value is None or math.isfinite(value) for value in metrics.values())


def test_the_metrics_agree_with_the_curve_and_the_trades() -> None:
    """What can be read off a run directly is what the metrics say."""
    result = run("ema_12_26", fee_bps=10.0)
    metrics = result.metrics
    assert metrics["final_value"] == result.equity[-1]
    assert metrics["max_drawdown"] == result.drawdown.min()
    assert metrics["exposure"] == (result.position != 0).sum() / len(result.position)
    assert metrics["fees_paid"] == pytest.approx(sum(trade.fees for trade in result.trades))
    assert result.trades[-1].status == "open"
    assert math.isclose(10_000 + sum(trade.pnl for trade in result.trades), float(result.equity[-1]), rel_tol=1e-9)

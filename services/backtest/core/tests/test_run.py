"""One backtest from end to end."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.execution import InvalidExecution
from services.backtest.core.language import InvalidParams, check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from shared.contracts.values import Execution

DAY = 86_400 * 10**9
SPEC = check_spec(
    {
        "params": {"n": {"type": "int", "min": 1, "default": 2}},
        "entry_long": "close > sma(close, n)",
        "exit_long": "close < sma(close, n)",
        "entry_short": "close < sma(close, n) - 2",
    }
)


def _run(closes: list[float], params: dict[str, Any] | None = None, **execution: Any) -> BacktestResult:
    close = np.array(closes, np.float64)
    bars = Bars(np.arange(len(close)) * DAY, close, close, close, close, np.ones(len(close)))
    return run_backtest(SPEC, bars, params, Execution(**{"initial_cash": 100.0, **execution}))


def test_a_trade_says_all_there_is_to_it() -> None:
    """Side, times, prices, money and reason, in plain values."""
    result = _run([10, 10, 11, 20, 19, 16, 16], fee_bps=100.0, side="long")
    (trade,) = result.trades
    assert (trade.side, trade.entry_time, trade.exit_time, trade.bars) == ("long", 3 * DAY, 5 * DAY, 2)
    assert (trade.entry_price, trade.exit_price, trade.exit_reason, trade.status) == (20.0, 16.0, "signal", "closed")
    quantity, fees = 100 / 20.2, 100 / 20.2 * 0.36
    money = (trade.quantity, trade.fees, trade.pnl, trade.return_)
    assert money == pytest.approx((quantity, fees, quantity * -4 - fees, -(4 + 0.36) / 20))


def test_a_trade_of_next_to_nothing_has_no_return() -> None:
    """Where what was bought is worth too little for a number, so is its return no number, and so are their means."""
    close = np.full(4, 1e-306)
    bars = Bars(np.arange(4) * DAY, close, close, close, close, np.ones(4))
    spec = check_spec({"entry_long": "close > 0", "sizing": {"method": "fixed_quantity", "value": 1.0}})
    result = run_backtest(spec, bars, None, Execution(fee_fixed=2000.0, close_at_end=True))
    (trade,) = result.trades
    assert (trade.pnl, np.isnan(trade.return_)) == (-4000.0, True)
    assert (result.metrics["avg_trade"], result.metrics["trades"]) == (None, 1)


def test_the_curve_has_one_point_a_bar() -> None:
    """Equity, drawdown and position are aligned with the times of the bars."""
    result = _run([10, 10, 11, 20, 25, 20, 10])
    assert result.time.tolist() == [bar * DAY for bar in range(7)]
    assert result.equity.tolist() == [100, 100, 100, 100, 125, 100, 50]
    assert result.position.tolist() == [0, 0, 0, 5, 5, 5, -5]
    np.testing.assert_allclose(result.drawdown, [0, 0, 0, 0, 0, -0.2, -0.6])


def test_params_are_the_callers() -> None:
    """They change the run and its warm-up, and a wrong one is refused."""
    assert (_run([10.0] * 5).warmup_bars, _run([10.0] * 5, {"n": 4}).warmup_bars) == (2, 4)
    with pytest.raises(InvalidParams):
        _run([10.0] * 5, {"m": 4})


def test_an_execution_that_is_not_possible_is_refused() -> None:
    """A run never takes place on other terms than those asked for."""
    with pytest.raises(InvalidExecution):
        _run([10.0] * 5, fee_fixed=1e16)


def test_every_option_of_an_execution_counts() -> None:
    """Each one alone makes another run of it."""
    closes = [10.0, 10, 11, 20, 12, 11, 10, 15, 17]
    options: list[dict[str, Any]] = [
        {}, {"fill": "close"}, {"side": "short"}, {"fee_bps": 1}, {"fee_fixed": 1}, {"slippage_bps": 1},
        {"lot_size": 3}, {"borrow_bps_per_year": 1}, {"close_at_end": True}, {"initial_cash": 99.0},
    ]  # fmt: skip
    digests = {_run(closes, **chosen).result_digest for chosen in options}
    assert len(digests) == len(options)


def test_the_rule_for_two_stops_in_one_bar_counts() -> None:
    """Stop first is the worse end of what may have happened, target first the better."""
    close, reach = np.array([10.0, 11.0, 11.0, 11.0]), np.array([0.0, 0.0, 3.0, 0.0])
    bars = Bars(np.arange(4) * DAY, close, close + reach, close - reach, close, np.ones(4))
    spec = check_spec({"entry_long": "close > 10", "stop_loss": 0.1, "take_profit": "0.2", "trailing_stop": 0.5})
    prices = {
        rule: run_backtest(spec, bars, None, Execution(stop_rule=rule)).trades[0].exit_price
        for rule in ("stop_first", "target_first")
    }
    assert prices == {"stop_first": pytest.approx(9.9), "target_first": pytest.approx(13.2)}


def test_the_benchmark_buys_on_the_first_decision_and_holds() -> None:
    """With the same fills and costs: a strategy that does just that is its own benchmark."""
    closes = [10.0, 10, 11, 20, 19, 16, 21, 18]
    close = np.array(closes)
    bars = Bars(np.arange(8) * DAY, close, close, close, close, np.ones(8))
    costs: dict[str, Any] = {"fee_bps": 50, "slippage_bps": 20, "fee_fixed": 3}
    spec = check_spec({"entry_long": "close > 1"})
    for fill in ("next_open", "close"):
        metrics = run_backtest(spec, bars, None, Execution(fill=fill, **costs)).metrics
        assert metrics["beta"] == pytest.approx(1.0)
        assert metrics["tracking_error"] == pytest.approx(0.0, abs=1e-12)


def test_costs_are_summed_up() -> None:
    """Fees with the borrowing, and what slippage lost, of every fill."""
    result = _run([10, 10, 11, 20, 12, 11, 10, 15, 17], fee_bps=10, slippage_bps=10, borrow_bps_per_year=1e4)
    assert result.metrics["fees_paid"] == pytest.approx(sum(trade.fees for trade in result.trades))
    fills = [(t.quantity, t.entry_price, 1 if t.side == "long" else -1) for t in result.trades]
    fills += [(t.quantity, t.exit_price, -1 if t.side == "long" else 1) for t in result.trades if t.status == "closed"]
    lost = sum(quantity * price * 0.001 / (1 + sign * 0.001) for quantity, price, sign in fills)
    assert result.metrics["slippage_paid"] == pytest.approx(lost)

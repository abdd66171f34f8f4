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


def test_an_execution_that_is_not_supported_is_refused() -> None:
    """A run never takes place on other terms than those asked for."""
    with pytest.raises(InvalidExecution):
        _run([10.0] * 5, close_at_end=True)


@pytest.mark.parametrize(
    ("closes", "options", "warnings"),
    [
        ([10, 10, 11, 12], {}, ()),
        ([10, 10], {}, ("There are 2 bars and the warm-up takes 2: no decision was taken.",)),
        (
            [10, 10, 200, 200, 200],
            {"lot_size": 1.0},
            ("1 entries were not filled: the equity did not pay for a single lot.",),
        ),
        (
            [10, 20, 10, 10, 30],
            {"side": "short"},
            ("The equity fell to 0 on bar 5: everything was liquidated there.",),
        ),
    ],
)
def test_what_a_reader_should_know_is_said(
    closes: list[float], options: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    """Too few bars, entries too small, ruin: a warning each, and none without a reason."""
    result = _run(closes, **options)
    assert result.warnings == warnings
    assert result.ruined == any("fell to 0" in warning for warning in warnings)

"""The engine against a plain loop, and against itself on fewer bars, for random strategies on random bars."""

import numpy as np
from hypothesis import given, settings

from services.backtest.core.bars import Bars
from services.backtest.core.language import CheckedSpec, check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.core.tests.oracle import Expression, text, values, warmup
from services.backtest.core.tests.oracle_fills import backtest
from services.backtest.core.tests.strategies import PRICES, Options, executions, markets, rules
from shared.contracts.values import Execution

Rules = dict[str, Expression]


def _spec(drawn: Rules, fraction: float = 1.0) -> CheckedSpec:
    sizing = {"method": "percent_equity", "value": fraction}
    return check_spec({**{rule: text(expression) for rule, expression in drawn.items()}, "sizing": sizing})


def _run(spec: CheckedSpec, bars: Bars, options: Options) -> BacktestResult:
    execution = Execution(
        initial_cash=options["cash"],
        fee_bps=options["fee_bps"],
        fee_fixed=options["fee_fixed"],
        lot_size=options["lot_size"],
    )
    return run_backtest(spec, bars, None, execution)


@settings(deadline=None, max_examples=150)
@given(rules(), markets(), executions)
def test_the_engine_agrees_with_a_plain_loop(drawn: Rules, bars: Bars, options: Options) -> None:
    """Warm-up, equity on every bar and every closed trade are those of a loop written from the rules."""
    columns = {name: getattr(bars, name).tolist() for name in PRICES}
    start = max(max(warmup(e, lags=True), warmup(e, lags=False) + 1) for e in drawn.values())
    book = backtest(columns, {rule: values(e, columns) for rule, e in drawn.items()}, start, options)
    result = _run(_spec(drawn, options["fraction"]), bars, options)
    assert result.warmup_bars == start
    np.testing.assert_allclose(result.equity, book.equity, rtol=1e-9)
    closed = [trade for trade in result.trades if trade.status == "closed"]
    assert [trade.exit_reason for trade in closed] == [trade[-1] for trade in book.trades]
    for trade, expected in zip(closed, book.trades, strict=True):
        ours = ({"long": 1.0, "short": -1.0}[trade.side], trade.quantity, trade.entry_price, trade.exit_price)
        np.testing.assert_allclose(ours, expected[:4], rtol=1e-9)
        np.testing.assert_allclose(trade.pnl, expected[4], rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=100)
@given(rules(), markets(least=2), executions)
def test_later_bars_change_nothing_before_them(drawn: Rules, bars: Bars, options: Options) -> None:
    """A run on the first bars is, to the bit, the beginning of the run on all of them."""
    spec = _spec(drawn, options["fraction"])
    whole, cut = _run(spec, bars, options), len(bars) // 2
    columns = ("time", "open", "high", "low", "close", "volume")
    first = _run(spec, Bars(*(getattr(bars, name)[:cut] for name in columns)), options)
    for curve in ("equity", "position", "drawdown"):
        np.testing.assert_array_equal(getattr(first, curve), getattr(whole, curve)[:cut])
    closed = [trade for trade in first.trades if trade.status == "closed"]
    assert closed == [whole.trades[index] for index in range(len(closed))]

"""All metrics of a run."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats, Status
from services.backtest.core.language import check_spec
from services.backtest.core.metrics import measure
from services.backtest.core.metrics.annualisation import bars_per_year, days_between
from services.backtest.core.metrics.drawdown import drawdown
from services.backtest.core.metrics.tests.plain_ten import plain_ten
from services.backtest.core.result import Trades
from services.backtest.core.run import run_backtest
from services.backtest.core.tests.reference import run
from services.backtest.core.tests.strategies import executions, markets
from shared.contracts.metrics import METRICS
from shared.contracts.values import Execution

NAMES = [metric.name for metric in METRICS]
DAY = 86_400 * 10**9
Values = dict[str, float | int | None]


def measured(equity: Floats, pnl: Floats, cash: float, *, benchmark: Floats | None = None, step: int = DAY) -> Values:
    """The metrics of a curve whose bars are `step` apart, with trades of one unit at 100 that brought `pnl`."""
    time = np.arange(len(equity), dtype=np.int64) * step
    ones, codes = np.ones(len(pnl)), np.ones(len(pnl), np.int64)
    trades = Trades(
        side=codes, quantity=ones, entry_time=codes, entry_price=100 * ones, exit_time=codes, exit_price=ones, pnl=pnl,
        return_=pnl / (100.0 * cash), fees=ones, bars=codes, exit_reason=codes, status=codes * Status.CLOSED,
    )  # fmt: skip
    year, days = bars_per_year(time), days_between(time)
    ten = plain_ten(equity, cash, pnl, year or math.nan, days)
    return measure(
        time=time, bars_per_year=year, days=days, equity=equity, drawdowns=drawdown(equity, cash), position=equity,
        trades=trades, ten=ten, benchmark=equity[::-1].copy() if benchmark is None else benchmark,
        traded=10 * cash, fees_paid=cash / 100, slippage_paid=cash / 1000,
    )  # fmt: skip


def _curve(steps: Floats | list[float]) -> Floats:
    curve: Floats = np.cumprod(np.asarray(steps, np.float64), dtype=np.float64) * 100.0
    return curve


@settings(deadline=None)
@given(markets(most=30), executions)
def test_a_metric_is_a_number_or_none(bars: Bars, options: dict[str, Any]) -> None:
    """Every name of the table, in its order; never NaN and never infinite, on any bars, down to a single one."""
    spec = check_spec({"entry_long": "close > open", "entry_short": "close < open", "exit_long": "close < 2"})
    metrics = run_backtest(spec, bars, None, Execution(**options)).metrics
    assert list(metrics) == NAMES
    assert all(value is None or math.isfinite(value) for value in metrics.values())


_money = st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1.0, 99.0, 100.0, 101.0, 1e9, 1e300, 1.7e308])


@example([5e-324, 1e-9, 1.7e308], [])
@given(st.lists(_money, min_size=1, max_size=12), st.lists(_money | _money.map(lambda value: -value), max_size=5))
def test_no_curve_is_too_extreme(equity: list[float], pnl: list[float]) -> None:
    """Constant, ruined, of one bar or two, of the smallest and largest numbers: finite or None, without a warning."""
    curve = np.array(equity)
    curve[np.flatnonzero(np.minimum.accumulate(curve) == 0.0)] = 0.0
    values = measured(curve, np.array(pnl), 100.0)
    assert list(values) == NAMES
    assert all(value is None or math.isfinite(value) for value in values.values())


@given(
    st.lists(st.floats(0.5, 2.0), min_size=2, max_size=40),
    st.lists(st.integers(-100_000, 100_000).map(lambda cents: cents / 100), max_size=8),
    st.sampled_from([2.0**-10, 4.0, 2.0**20]),
)
def test_more_cash_scales_the_money_and_no_ratio(steps: list[float], pnl: list[float], factor: float) -> None:
    """All in another currency: what is money is multiplied, everything else stays to the bit."""
    equity, profits = _curve(steps), np.array(pnl)
    before = measured(equity, profits, 100.0)
    after = measured(factor * equity, factor * profits, factor * 100.0)
    for metric in METRICS:
        value = before[metric.name]
        if metric.unit == "money" and value is not None:
            value *= factor
        assert after[metric.name] == value, metric.name


def test_the_first_bars_own_move_is_in_no_return() -> None:
    """What happened before the first close is in the total return and the drawdown, and in nothing made of returns."""
    equity = np.array([100.0, 90.0, 120.0, 110.0, 130.0])
    values, moved = measured(equity, np.array([]), 100.0), measured(equity, np.array([]), 200.0)
    alike = {name for name in NAMES if values[name] == moved[name]}
    assert {"volatility", "sharpe", "sortino", "omega", "var_95", "skew", "psr", "beta", "alpha"} <= alike
    assert values["total_return"] == pytest.approx(0.3)
    assert (moved["total_return"], moved["max_drawdown"]) == pytest.approx((-0.35, -0.55))


def test_buying_and_holding_is_its_own_benchmark() -> None:
    """Beta 1 and alpha 0 against itself; against one that never moves, only the error is defined."""
    equity = _curve(1.0 + np.random.default_rng(3).normal(0.001, 0.02, 300))
    values = measured(equity, np.array([]), 100.0, benchmark=equity * 5.0)
    assert values["beta"] == pytest.approx(1.0)
    assert values["alpha"] == pytest.approx(0.0, abs=1e-12)
    assert values["information_ratio"] is None
    idle = measured(equity, np.array([]), 100.0, benchmark=np.full(300, 5.0))
    assert (idle["beta"], idle["alpha"]) == (None, None)
    assert idle["tracking_error"] == pytest.approx(idle["volatility"])
    assert idle["information_ratio"] == pytest.approx(idle["sharpe"])


@pytest.mark.parametrize("name", ["sma_10_20", "rsi_14_30_70", "donchian_20_10", "buy_hold"])
@pytest.mark.parametrize("data", ["AAPL_adj", "EURUSD_1H_ASK_2017"])
def test_the_ten_of_the_kernel_are_those_of_plain_numpy(name: str, data: str) -> None:
    """What sweeps and single runs share agrees with the definitions, written down a second time."""
    result = run(name, data, fee_bps=5.0)
    pnl = result.trades.pnl[result.trades.status == Status.CLOSED]
    year = bars_per_year(result.time) or math.nan
    expected = plain_ten(result.equity, 10_000.0, pnl, year, days_between(result.time))._asdict()
    ours = {name: math.nan if (value := result.metrics[name]) is None else value for name in expected}
    assert ours == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert isinstance(result.metrics["trades"], int)


@pytest.mark.parametrize("price", [16.45, 33.1, 77.77])
@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_what_rounding_takes_is_no_loss(price: float, fill: str) -> None:
    """A short at a price that stays, then only falls, has no drawdown and no losing bar, whatever adding up makes."""
    close = price * np.append(np.ones(6), 1.0 - np.arange(1, 25) / 100.0)
    time = np.arange(len(close), dtype=np.int64) * DAY
    spec = check_spec({"entry_short": "close > 0"})
    for bars in (Bars(time, close, close, close, close, close), Bars(time[:5], *[close[:5]] * 5)):
        options: dict[str, Any] = {"initial_cash": 10_000.0, "fill": fill}
        metrics = run_backtest(spec, bars, None, Execution(**options)).metrics
        assert (metrics["max_drawdown"], metrics["max_drawdown_bars"], metrics["max_drawdown_days"]) == (0.0, 0, 0.0)
        assert [metrics[name] for name in ("sortino", "omega", "calmar")] == [None] * 3


def test_the_significance_is_that_of_the_ratio_given() -> None:
    """The probability is made from the very Sharpe ratio, taken back to one bar, and from the shape beside it."""
    values = run("sma_10_20", side="long").metrics
    numbers = {name: float(values[name] or 0.0) for name in ("sharpe", "skew", "kurtosis", "bars_per_year", "psr")}
    ratio = numbers["sharpe"] / math.sqrt(numbers["bars_per_year"])
    root = math.sqrt(1 - numbers["skew"] * ratio + (numbers["kurtosis"] - 1) / 4 * ratio**2)
    bars = len(run("sma_10_20", side="long").equity)
    assert numbers["psr"] == pytest.approx(0.5 * (1 + math.erf(ratio * math.sqrt(bars - 2) / root / math.sqrt(2))))


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

"""The ten metrics of what an execution leaves."""

import math

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import Ten
from services.backtest.core.engine.ten import ten
from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, Done, execute


def _ten(done: Done, days: float = 100.0) -> Ten:
    return ten(done.book, done.outcome, 100.0, 252.0, days)


def test_the_ten_are_what_their_definitions_say() -> None:
    """Worked out from the equity curve with numpy: a profit, a loss, and bars without a position between them."""
    done = execute([10.0, 10.0, 12.0, 11.0, 11.0, 11.0, 10.0, 9.0], [EL, 0, XL, 0, EL, 0, XL, 0], fee_rate=0.001)
    curve = done.book.equity
    returns, peaks = curve[1:] / curve[:-1] - 1, np.maximum.accumulate(np.maximum(curve, 100.0))
    pnl = [row[0] for row in done.trades("pnl")]
    year, mean = math.sqrt(252), returns.mean()
    assert _ten(done) == pytest.approx(
        (
            curve[-1],
            curve[-1] / 100 - 1,
            (curve[-1] / 100) ** 3.6525 - 1,
            returns.std(ddof=1) * year,
            mean / returns.std(ddof=1) * year,
            mean / math.sqrt(np.mean(np.minimum(returns, 0) ** 2)) * year,
            (curve / peaks - 1).min(),
            2,
            0.5,
            pnl[0] / -pnl[1],
        ),
        rel=1e-12,
    )


def test_without_a_trade_nothing_varies() -> None:
    """No ratio is defined; money, growth and fall are."""
    money, grown, cagr, volatility, sharpe, sortino, fall, count, right, factor = _ten(execute([10.0] * 4, [0] * 4))
    assert (money, grown, cagr, volatility, fall, count) == (100, 0, 0, 0, 0, 0)
    assert all(math.isnan(value) for value in (sharpe, sortino, right, factor))


def test_returns_that_are_all_alike_have_no_sharpe_ratio() -> None:
    """Rounding does not count as varying, however small or large the steady gain."""
    for step in (1.01, 1.0001, 1.37, 1 + 1e-7):
        result = _ten(execute(list(10.0 * step ** np.arange(60)), [EL] + [0] * 59, at_close=True))
        assert math.isnan(result.sharpe)
        assert math.isnan(result.sortino)
        assert result.volatility < 1e-12


def test_after_ruin_there_are_no_returns() -> None:
    """The last one is -1, however many bars follow."""
    short = _ten(execute([10.0, 10.0, 30.0], [ES, 0, 0]))
    long = _ten(execute([10.0, 10.0, 30.0] + [30.0] * 9, [ES] + [0] * 11))
    assert short == long
    assert (short.final_value, short.total_return, short.cagr, short.max_drawdown) == (0, -1, -1, -1)
    assert short.sortino == pytest.approx(-0.5 / math.sqrt(0.5) * math.sqrt(252))


def test_the_first_bars_own_move_is_in_the_drawdown_and_in_no_return() -> None:
    """Costs of an entry at the first close lower the equity below the cash, and that is all."""
    result = _ten(execute([10.0, 10.0, 10.0], [EL, 0, 0], at_close=True, fee_fixed=20.0))
    assert result.max_drawdown == pytest.approx(-0.2)
    assert result.volatility == 0.0


def test_an_open_trade_is_in_the_curve_and_not_among_the_trades() -> None:
    """Its profit counts when it is made."""
    result = _ten(execute([10.0, 10.0, 20.0], [EL, 0, 0]))
    assert (result.final_value, result.trades) == (200, 0)
    assert math.isnan(result.win_rate)


@pytest.mark.parametrize("low", [9.999, 9.5, 5.0])
@pytest.mark.parametrize("last", [9.9995, 12.0])
def test_the_deepest_fall_is_found_wherever_it_is(low: float, last: float) -> None:
    """Before a new highest or still going on, shallow or deep."""
    assert _ten(execute([10.0, 10.0, low, last], [EL, 0, 0, 0])).max_drawdown == pytest.approx(low / 10 - 1)


@pytest.mark.parametrize(("signals", "right"), [([EL, XL, 0], 1.0), ([ES, XS, 0], 0.0)])
def test_without_a_loss_there_is_no_profit_factor(signals: list[int], right: float) -> None:
    """With nothing but losses it is 0."""
    result = _ten(execute([10.0, 10.0, 12.0], signals))
    assert result.win_rate == right
    assert math.isnan(result.profit_factor) if right else result.profit_factor == 0.0


def test_a_rate_too_large_for_a_number_is_undefined() -> None:
    """Doubling within a second is no rate a year."""
    result = _ten(execute([10.0, 10.0, 20.0], [EL, 0, 0]), days=1e-5)
    assert math.isnan(result.cagr)
    assert math.isnan(_ten(execute([10.0], [0]), days=0.0).cagr)

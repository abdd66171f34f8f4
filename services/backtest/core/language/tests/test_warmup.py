"""When a strategy takes its first decision."""

import pytest

from services.backtest.core.language import check_spec


@pytest.mark.parametrize(
    ("entry", "first_decision"),
    [
        ("close > 1", 1),
        ("true", 1),
        ("close > close[5]", 5),
        ("sma(close, 20) > 1", 20),
        ("sma(close, 10) > sma(close, 20) and sma(close, 10)[1] < sma(close, 20)[1]", 20),
        ("crossover(sma(close, 10), sma(close, 20))", 20),
        ("ema(close, 26) > ema(close, 12)", 26),
        ("rsi(close, 14) < 30", 15),
        ("close < bb_lower(close, 20, 2)", 20),
        ("close > highest(high, 20)[1]", 20),
        ("close > highest(high, 20)[3]", 22),
        ("macd(close, 12, 26) > 0", 26),
        ("macd(close, 12, 26) > macd_signal(close, 12, 26, 9)", 34),
        ("sma(rsi(close, 14), 10) > 1", 24),
        ("change(close, 3) > 0", 4),
        ("atr(14) > 1", 15),
        ("adx(14) > 20", 28),
        ("rising(close, 5)", 5),
        ("mfi(14) > 20", 15),
        ("stoch_k(14, 3) > stoch_d(14, 3, 3)", 18),
        ("close > supertrend(10, 3)", 11),
        ("hma(close, 16) > 1", 19),
        ("barssince(crossover(close, sma(close, 20))) < 3", 20),
        ("valuewhen(close > open, low, 2) < low", 3),
        ("max(sma(close, 5), 3) > min(open, close[7])", 7),
        ("(close > open)[2] and rsi(close[10], 2) > 1", 12),
    ],
)
def test_the_first_decision_follows_from_the_tree(entry: str, first_decision: int) -> None:
    """max(W, W' + 1): every part has a value, lags included, and every indicator has had one before."""
    assert check_spec({"entry_long": entry}).warmup_bars == first_decision


def test_every_rule_counts() -> None:
    """The slowest rule decides, whichever it is."""
    assert check_spec({"entry_long": "close > 1", "exit_long": "sma(close, 50) > close"}).warmup_bars == 50


def test_a_let_that_nothing_uses_does_not_count() -> None:
    """What is not part of a rule does not delay it."""
    assert check_spec({"let": {"slow": "sma(close, 500)"}, "entry_long": "close > 1"}).warmup_bars == 1


def test_params_move_it() -> None:
    """A bound strategy has the warm-up of its own lengths."""
    spec = check_spec({"params": {"n": {"type": "int", "default": 5}}, "entry_long": "close > sma(close, n * 2)"})
    assert (spec.warmup_bars, spec.bind({"n": 50}).warmup_bars) == (10, 100)

"""Which spellings are one strategy, and which are not."""

from typing import Any

import pytest

from services.backtest.core.language import check_spec

PARAMS = {"n": {"type": "int", "min": 2, "max": 50, "default": 10}}


def _hash(entry: str, **rest: Any) -> str:
    return check_spec({"params": PARAMS, "entry_long": entry, **rest}).spec_hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("close > 1", "  close\n>   (1.0) "),
        ("close > sma(close, n)", "((close)) > sma(close, (n))"),
        ("close[3] > 1", "close[1][2] > 1"),
        ("close[0] > 1", "close > 1"),
        ("close > 0.5", "close > 1 / 2"),
        ("close > 0", "close > -0"),
        ("1 < close < 2", "1 < close and close < 2"),
        ("close > 1 and open > 1 and low > 1", "close > 1 and (open > 1 and low > 1)"),
        ("crossover(close, open)", "close > open and close[1] <= open[1]"),
        ("crossover(rsi(close, n), 30)", "rsi(close, n) > 30 and rsi(close, n)[1] <= 30"),
        ("bb_middle(close, n, 2) > close", "sma(close, n) > close"),
        ("macd(close, 12, 26) > 0", "ema(close, 12) - ema(close, 26) > 0"),
        ("true", "True"),
    ],
)
def test_two_spellings_of_one_strategy_are_one(one: str, other: str) -> None:
    """White space, brackets, folded constants, flat conjunctions and formulas do not change the hash."""
    assert _hash(one) == _hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("close > open", "open < close"),
        ("close + open > 1", "open + close > 1"),
        ("close > 1", "close >= 1"),
        ("close > sma(close, n)", "close > sma(close, 10)"),
        ("close > sma(close, 10)", "close > ema(close, 10)"),
        ("close[1] > 1", "close[2] > 1"),
        ("close > 1 and open > 1", "close > 1 or open > 1"),
        ("(close - open) - low > 1", "close - (open - low) > 1"),
    ],
)
def test_two_strategies_are_two(one: str, other: str) -> None:
    """What may compute something else has another hash; operands keep their order."""
    assert _hash(one) != _hash(other)


def test_names_under_let_do_not_count() -> None:
    """A let is what it stands for, whatever its name, and one that nothing uses is nothing."""
    plain = _hash("sma(close, n) > sma(close, 20)")
    assert _hash("f > s", let={"f": "sma(close, n)", "s": "sma(close, 20)"}) == plain
    assert _hash("b > a", let={"a": "sma(close, 20)", "b": "sma(close, n)", "c": "open"}) == plain


def test_what_is_left_out_is_its_default() -> None:
    """Null is absent, no sizing is all of the equity, and the order of keys and constraints is nothing."""
    plain = _hash("close > 1", constraints=["n > 3", "n < 40"])
    full = {"method": "percent_equity", "value": 1}
    assert _hash("close > 1", constraints=["n < 40", "n > 3"], exit_long=None, stop_loss=None, sizing=full) == plain
    assert _hash("close > 1", constraints=["n < 40", "n > 3"], sizing={**full, "value": 0.5}) != plain
    assert _hash("close > 1") != plain


@pytest.mark.parametrize("change", [{"default": 11}, {"max": 60}, {"min": 3}])
def test_params_are_part_of_a_strategy(change: dict[str, int]) -> None:
    """Another bound or default is another strategy, and so is another name: callers set params by name."""
    changed = {"n": {**PARAMS["n"], **change}}
    assert _hash("close > sma(close, n)", params=changed) != _hash("close > sma(close, n)")
    assert _hash("close > sma(close, m)", params={"m": PARAMS["n"]}) != _hash("close > sma(close, n)")


def test_the_rules_are_told_apart() -> None:
    """One condition as another rule is another strategy."""
    short = check_spec({"params": PARAMS, "entry_short": "close > 1"}).spec_hash
    assert short != _hash("close > 1")


def test_the_hash_does_not_change_between_versions() -> None:
    """The canonical form is for keeps: stored hashes name strategies for ever."""
    assert (
        _hash(
            "crossover(sma(close, n), sma(close, 20))",
            exit_long="rsi(close, 14) > 70",
            constraints=["n > 1", "n < 45", "n != 7", "n % 2 == 0"],
        )
        == "92fd3295a8b6a4c72615025fb3f34415e7954dc813fa85e82ebdc71a8098718e"
    )

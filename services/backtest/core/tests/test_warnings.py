"""What a result says before its numbers are trusted."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.language import check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from shared.contracts.values import Execution

DAY = 86_400 * 10**9
FRACTION = "to meet it: a stop is a fraction of the fill price, 0.05 for 5 %."


def _run(closes: list[float], document: dict[str, Any], **execution: Any) -> BacktestResult:
    close = np.array(closes, np.float64)
    bars = Bars(np.arange(len(close)) * DAY, close, close, close, close, np.ones(len(close)))
    return run_backtest(check_spec(document), bars, None, Execution(**{"initial_cash": 100.0, **execution}))


LONG = {"entry_long": "close > sma(close, 2)"}
SHORT = {"entry_short": "close < sma(close, 2)"}


@pytest.mark.parametrize(
    ("closes", "document", "options", "warnings"),
    [
        ([10, 10, 11, 12], LONG, {}, ()),
        ([10, 10], LONG, {}, ("There are 2 bars and the warm-up takes 2: no decision was taken.",)),
        (
            [10, 10, 200, 200, 200],
            LONG,
            {"lot_size": 1.0},
            ("1 entries were not filled: the equity did not pay for a single lot.",),
        ),
        (
            [10, 10, 11, 12, 13],
            {**LONG, "sizing": {"method": "fixed_value", "value": 101}},
            {},
            ("2 entries were not filled: the size asked for costs more than the equity.",),
        ),
        (
            [10, 10, 11, 10, 10],
            {**LONG, "stop_loss": "10.5 - close"},
            {},
            ("1 entries were not filled: a stop was not a number above 0 on the bar that decided them.",),
        ),
        (
            [10, 10, 9, 9, 30],
            SHORT,
            {},
            ("The equity fell to 0 on bar 5: everything was liquidated there.",),
        ),
    ],
)
def test_what_a_reader_should_know_is_said(
    closes: list[float], document: dict[str, Any], options: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    """Too few bars, entries that were not filled and why, ruin: a warning each, and none without a reason."""
    result = _run(closes, document, **options)
    assert result.warnings == warnings
    assert result.ruined == any("fell to 0" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("document", "side"),
    [
        ({**LONG, "stop_loss": 5}, "long"),
        ({**LONG, "trailing_stop": "5"}, "long"),
        ({**LONG, "stop_loss": "sma(close, 2) / 2"}, "long"),
        ({**SHORT, "take_profit": 5}, "short"),
    ],
)
def test_a_stop_that_can_never_be_met_is_said(document: dict[str, Any], side: str) -> None:
    """Five for five percent is no stop at all: a price does not fall to 0."""
    stop = next(key for key in document if not key.startswith("entry"))
    assert _run([10] * 5, document).warnings == (
        f"`{stop}` is never below 5, and the price of a {side} position would have to fall to 0 {FRACTION}",
    )


@pytest.mark.parametrize(
    "document",
    [{**LONG, "take_profit": 5}, {**SHORT, "stop_loss": 5}, {**SHORT, "trailing_stop": 5}, {**LONG, "stop_loss": 0.99}],
)
def test_what_can_be_met_is_not(document: dict[str, Any]) -> None:
    """A price may rise sixfold."""
    assert _run([10] * 5, document).warnings == ()


def test_a_side_that_is_not_traded_gives_no_warning() -> None:
    """A stop of a short is judged as a short's."""
    both = {**LONG, **SHORT, "stop_loss": 5}
    assert _run([10] * 5, both, side="short").warnings == ()
    assert len(_run([10] * 5, both).warnings) == 1

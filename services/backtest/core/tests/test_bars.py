"""The bars a backtest runs on."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.bars import Bars

COLUMNS: dict[str, Any] = {
    "time": np.arange(3), "open": [1.0, 2, 3], "high": [2.0, 3, 4], "low": [1.0, 1, 1], "close": [2.0, 2, 2],
    "volume": [0, 0, 0],
}  # fmt: skip


def test_columns_are_taken_without_a_copy_and_kept_from_change() -> None:
    """The bars see the caller's memory read-only, and the caller's own array stays as it was."""
    close = np.array([2.0, 2.0, 2.0])
    bars = Bars(**{**COLUMNS, "close": close})
    assert np.shares_memory(bars.close, close)
    assert not bars.close.flags.writeable
    assert close.flags.writeable
    assert (str(bars.time.dtype), str(bars.volume.dtype), len(bars)) == ("int64", "float64", 3)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({name: [] for name in COLUMNS}, "there are no bars; choose a range of dates that has some"),
        ({"close": [1.0, 2.0]}, r"`close` has the shape \(2,\), and `time` has 3 bars"),
        ({"time": [0, 2, 2]}, "the times must rise from bar to bar"),
        ({"open": [1.0, 0.0, 1.0]}, "`open` must be above 0 on every bar"),
        ({"low": [1.0, np.nan, 1.0]}, "`low` must be above 0 on every bar"),
        ({"high": [1.0, np.inf, 1.0]}, "`high` must be above 0 on every bar"),
    ],
)
def test_what_no_market_has_is_refused(columns: dict[str, Any], message: str) -> None:
    """The message names the column."""
    with pytest.raises(ValueError, match=message):
        Bars(**{**COLUMNS, **columns})

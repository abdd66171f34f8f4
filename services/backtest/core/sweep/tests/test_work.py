"""How long a sweep's jobs would take, and when that is too long."""

from typing import Any

import pytest

from services.backtest.core.sweep.slices import MOST_SLICES, slice_size
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.strategies import cross
from services.backtest.core.sweep.work import check_sweep
from services.backtest.core.work import TooMuchWork

DAILY, MOST_BARS = 3_000, 5_000_000
LONG: dict[str, Any] = {"fast": {"type": "int", "min": 1, "max": 5000, "default": 3},
                        "slow": {"type": "int", "min": 1, "max": 5000, "default": 8}}  # fmt: skip
LENGTHS = {"start": 1, "stop": 400, "step": 1}


def _check(bars: int, grid: dict[str, Any], sample: dict[str, int] | None = None, **changes: Any) -> None:
    check_sweep(Space.read(cross(**changes), grid, sample), bars)


@pytest.mark.parametrize(
    ("bars", "grid"),
    [
        (DAILY, {"fast": LENGTHS, "slow": LENGTHS}),
        (1_000_000, {"fast": LENGTHS, "slow": LENGTHS}),
        (MOST_BARS, {"fast": LENGTHS, "slow": LENGTHS}),
        (MOST_BARS, {"fast": [500]}),
    ],
)
def test_sweeps_of_averages_are_done(bars: int, grid: dict[str, Any]) -> None:
    """As many combinations as there may be on as many bars: it is slices that count, and they are small."""
    _check(bars, grid)


def test_a_slice_of_long_windows_is_refused() -> None:
    """On the most bars, twenty combinations of four deviations over thousands of bars; half as many bars will do."""
    lets = {"f": "stddev(close, fast) + variance(open, fast) + stddev(high, fast)", "s": "stddev(close, slow)"}
    grid = {"fast": {"start": 4000, "stop": 5000, "step": 10}, "slow": [20]}
    with pytest.raises(TooMuchWork, match=r"a part of this sweep, 20 combinations, would take about \d+ minutes"):
        _check(MOST_BARS, grid, params=LONG, let=lets)
    _check(MOST_BARS // 4, grid, params=LONG, let=lets)
    _check(MOST_BARS, {"fast": [4000, 4500], "slow": [20]}, params=LONG, let=lets)


def test_the_longest_window_counts_wherever_it_is() -> None:
    """Made of several params, or drawn from the end of a grid: a slice is not judged by its first combination."""
    lets = {"f": " + ".join(f"stddev({x}, fast + slow)" for x in ("open", "high", "low", "close")), "s": "close"}
    grid = {"fast": [1, 2500], "slow": {"start": 2400, "stop": 2499, "step": 1}}
    for sample in (None, {"n": 150}):
        with pytest.raises(TooMuchWork):
            _check(MOST_BARS, grid, sample, params=LONG, let=lets)
    _check(DAILY, grid, params=LONG, let=lets)


def test_the_middle_of_a_sweep_counts() -> None:
    """Where the longest windows, which follow from several params, are neither at the beginning nor at the end."""
    lets = {"f": " + ".join(f"stddev({x}, fast + slow)" for x in ("open", "high", "low", "close")), "s": "close"}
    values = [*range(2, 40), *range(4000, 4100), *range(40, 80)]
    with pytest.raises(TooMuchWork):
        _check(MOST_BARS, {"fast": values, "slow": [20]}, params=LONG, let=lets)


def test_a_series_for_each_function_is_kept() -> None:
    """A hundred and more of them are too many for the most bars."""
    lets = {f"v{number}": " + ".join(f"ema(close, {3 * number + n})" for n in (1, 2, 3)) for number in range(40)}
    lets |= {"f": "sma(close, fast)", "s": " + ".join(lets)}
    _check(DAILY, {"fast": [2, 3]}, let=lets)
    with pytest.raises(TooMuchWork, match=r"this sweep would hold series of about 4\.5 GiB at once, and 1\.5 are"):
        _check(MOST_BARS, {"fast": [2, 3]}, let=lets)


def test_what_is_no_length_takes_no_time() -> None:
    """Combinations that cannot be run, all of them even, are told of when the sweep has ended."""
    lets = {"f": "stddev(close, (fast - 3) * 5000 + 3)", "s": "stddev(close, 1 / (slow - 7))"}
    _check(MOST_BARS, {"fast": [4, 5], "slow": [7]}, let=lets)


@pytest.mark.parametrize(
    ("stop", "bars", "size"),
    [(1, 100, 65_536), (100, 5_000_000, 20), (100, 200_000_000, 1), (10_000_000, 5_000_000, 1000)],
)
def test_slices_have_about_as_much_work_each(stop: int, bars: int, size: int) -> None:
    """And there are never more of them than rows in a database should be."""
    assert slice_size(stop, bars) == size
    assert -(-stop // size) <= MOST_SLICES

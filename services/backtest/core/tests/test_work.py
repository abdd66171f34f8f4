"""How long a run would take, and when that is too long."""

import pytest

from services.backtest.core.language import check_spec
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.work import AFRESH, TooMuchWork, check_run

MOST_BARS = 5_000_000


def _check(bars: int, *conditions: str) -> None:
    lets = {f"c{number}": condition for number, condition in enumerate(conditions)}
    check_run(check_spec({"let": lets, "entry_long": " and ".join(lets)}).bind(), bars)


@pytest.mark.parametrize(
    "conditions",
    [
        ["crossover(sma(close, 5000), sma(close, 4000))"],
        ["zscore(close, 5000) > 1 and cci(5000) > 100 and percentrank(close, 5000) > 90"],
        [f"sma(close, {n}) > 1" for n in range(4940, 5000)],
        [f"highest(close, {n}) > 1" for n in range(4940, 5000)],
    ],
)
def test_what_takes_a_minute_is_done(conditions: list[str]) -> None:
    """The largest dataset and the longest windows are no reason to refuse a strategy."""
    _check(MOST_BARS, *conditions)


DEVIATIONS = [f"stddev(close, {n}) > variance(close, {n})" for n in range(4950, 5001)]


def test_what_takes_an_hour_is_refused() -> None:
    """The message says how long it would take, what for, what is allowed, and what to do."""
    with pytest.raises(TooMuchWork) as caught:
        _check(MOST_BARS, *DEVIATIONS)
    (error,) = caught.value.errors
    assert (error.pointer, error.message) == ("", caught.value.detail)
    assert error.message == (
        "this run would take about 13 minutes of a processor, and 10 are allowed; most of it is for `stddev` over "
        "5,000 bars; choose fewer bars than about 5,000,000 by `start` and `end`, shorter windows, or a smaller "
        "strategy"
    )
    _check(MOST_BARS // 2, *DEVIATIONS)


def test_a_window_counts_as_far_as_there_are_bars() -> None:
    """The longest ones on few bars are nothing."""
    _check(10_000, *DEVIATIONS)


def test_what_holds_too_many_series_at_once_is_refused() -> None:
    """Only what is needed later on counts, not what has been let go."""
    names = [f"v{number}" for number in range(60)]
    lets = {name: f"highest(close, {number + 1})" for number, name in enumerate(names)}
    added = " + ".join(names)
    one_by_one = check_spec({"entry_long": " + ".join(lets.values()) + " > 1"}).bind()
    all_at_once = check_spec({"let": lets, "entry_long": f"({added}) / ({added.replace('+', '*')}) > 1"}).bind()
    check_run(one_by_one, 4 * MOST_BARS)
    check_run(all_at_once, MOST_BARS // 2)
    with pytest.raises(
        TooMuchWork, match=r"this run would hold series of about 2\.3 GiB at once, and 1\.5 are allowed"
    ):
        check_run(all_at_once, MOST_BARS)


def test_the_functions_that_go_through_each_window_are_known() -> None:
    """Each is a primitive with one length, so that none is misspelled."""
    for name in AFRESH:
        assert FUNCTIONS[name].hidden is not None
        assert [argument.role for argument in FUNCTIONS[name].arguments].count(Role.LENGTH) == 1

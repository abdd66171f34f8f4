"""Sweeps from end to end."""

from itertools import count

import numpy as np
import pytest

from services.backtest.core.execution import InvalidExecution
from services.backtest.core.language import InvalidParams
from services.backtest.core.sweep.result import concatenated
from services.backtest.core.sweep.run import Sweep, sweep
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.strategies import cross, walk
from shared.contracts.values import Execution

BARS = walk(300)


def test_slices_make_up_the_whole() -> None:
    """Computed one by one, each by a sweep of its own as in another process, they are the whole to the bit."""
    space = Space.read(cross(constraints=["fast < slow"]), {"fast": list(range(2, 20)), "slow": list(range(5, 30))})
    whole = sweep(BARS, Execution(), space)
    assert len(whole) == space.count < space.stop
    slices = Sweep(BARS, Execution(), space).slices(70 * len(BARS))
    assert (slices[0], slices[-1], len(slices)) == ((0, 70), (420, 450), 7)
    parts = [Sweep(BARS, Execution(), space).run(*edges) for edges in reversed(slices)]
    put = concatenated(parts[::-1])
    np.testing.assert_array_equal(put.metrics, whole.metrics)
    assert [put.combinations.params(index) for index in range(len(put))] == [
        whole.combinations.params(index) for index in range(len(whole))
    ]


def test_a_combination_that_cannot_be_run_is_no_failure() -> None:
    """It is marked, has no metrics, and binding it says why; the others are run."""
    spec = cross(let={"f": "sma(close, slow - fast)", "s": "sma(close, slow)"}, stop_loss="share")
    result = sweep(BARS, Execution(), Space.read(spec, {"fast": [3, 5], "slow": [5, 9], "share": [0.0, 0.1]}))
    fast, slow, share = (np.asarray(result.params[name], np.float64) for name in ("fast", "slow", "share"))
    assert result.valid.tolist() == ((share > 0.0) & (fast < slow)).tolist()
    assert np.isnan(result.metrics[:, ~result.valid]).all()
    assert not np.isnan(result.metric("final_value")[result.valid]).any()
    with pytest.raises(InvalidParams, match="`n` of `sma` is 0; it must be a whole number from 1 to 5000"):
        spec.bind({"fast": 5, "slow": 5})


def test_nothing_valid_is_an_answer_too() -> None:
    """No series is computed for it."""
    spec = cross(let={"f": "sma(close, fast - 2)", "s": "sma(close, slow)"})
    result = sweep(BARS, Execution(), Space.read(spec, {"fast": [1, 2]}))
    assert result.valid.tolist() == [False, False]
    assert np.isnan(result.metrics).all()


def test_an_execution_that_never_trades_is_refused() -> None:
    """As for a single run, before anything is computed."""
    with pytest.raises(InvalidExecution, match="the strategy has no `entry_short`"):
        Sweep(BARS, Execution(side="short"), Space.read(cross(), {"fast": [2]}))


def test_it_can_be_ended_between_any_two_parts_and_goes_on() -> None:
    """Whoever is asked in between raises at one place after the other; what is run then is the same as ever."""
    spec = cross(let={"f": "sma(close, fast) + sma(close, 7)", "s": "stddev(hl2, slow)"})
    space = Space.read(spec, {"fast": list(range(2, 6)), "slow": list(range(5, 9))})
    expected = sweep(BARS, Execution(), space)
    interrupted = Sweep(BARS, Execution(), space, row_bytes=5 * 8 * len(BARS))
    asked = 0

    def ask(last: int) -> None:
        nonlocal asked
        asked += 1
        if asked == last:
            raise TimeoutError

    for last in count(1):
        asked = 0
        try:
            result = interrupted.run(0, space.stop, lambda last=last: ask(last))  # type: ignore[misc]  # mypy's inference
        except TimeoutError:
            continue
        np.testing.assert_array_equal(result.metrics, expected.metrics)
        break
    assert last > 20

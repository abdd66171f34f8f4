"""Long functions in pieces: the same numbers, and somebody asked in between."""

import numpy as np
import pytest

from services.backtest.core import work
from services.backtest.core.bars import Bars
from services.backtest.core.engine import pieces
from services.backtest.core.engine.evaluate import evaluate, raw_call
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language import check_spec

LENGTH = 1_000


class Enough(Exception):
    """Raised by whoever is asked."""


def series(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Numbers among which some are missing, some the same for a while, and some too large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(100.0, 5.0, LENGTH)
    x[rng.integers(0, LENGTH, 5)] = np.nan
    x[rng.integers(0, LENGTH, 2)] = 1e300
    start = int(rng.integers(0, LENGTH - 200))
    x[start : start + 150] = x[start]
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("name", sorted(pieces.AFRESH))
@pytest.mark.parametrize("n", [1, 2, 7, 64, 300, LENGTH + 1])
@pytest.mark.parametrize("piece", [1, 613, 4_096, 77_777])
def test_pieces_make_the_same_whole(name: str, n: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, wherever they are cut."""
    x = series(n)
    whole = KERNELS[name](x, n)
    monkeypatch.setattr(pieces, "PIECE", piece)
    asked: list[None] = []
    np.testing.assert_array_equal(raw_call(name, [x, float(n)], lambda: asked.append(None)), whole)
    assert len(asked) == -(-LENGTH // max(piece // n, 1)) - 1


def test_the_functions_are_those_that_cost_most() -> None:
    """What is judged to cost bars times window is what goes in pieces; all else takes a fraction of a second."""
    assert set(work.AFRESH) == pieces.AFRESH


@pytest.mark.parametrize("rule", ["sma(close, 50) > 1", " or ".join(f"close > {n}" for n in range(60))])
def test_one_part_that_takes_long_is_left_in_the_middle(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window function, and hundreds of conditions joined: whoever wants to stop is not kept waiting for the end."""
    monkeypatch.setattr(pieces, "PIECE", 50 * 100)
    close = np.arange(1.0, LENGTH + 1.0)
    bars = Bars(np.arange(LENGTH) * 10**9, close, close, close, close, close)
    strategy = check_spec({"entry_long": rule}).bind()
    asked = 0

    def ask(limit: int) -> None:
        nonlocal asked
        asked += 1
        if asked == limit:
            raise Enough

    evaluate(strategy.nodes, strategy.rules.values(), bars, lambda: ask(-1))
    whole, asked = asked, 0
    assert whole > len(strategy.nodes)
    with pytest.raises(Enough):
        evaluate(strategy.nodes, strategy.rules.values(), bars, lambda: ask(whole))

"""What a reader of a result should know before trusting its numbers."""

from collections.abc import Iterator

import numpy as np

from services.backtest.core.engine.dtypes import Orders, Outcome
from services.backtest.core.language import BoundStrategy

OUT_OF_REACH = {"stop_loss": "long", "trailing_stop": "long", "take_profit": "short"}
"""Each stop, and the side on which a price would have to fall to 0 to meet one of 1 or more."""


def warnings_of(
    strategy: BoundStrategy, sides: tuple[str, ...], orders: Orders, outcome: Outcome, bars: int
) -> tuple[str, ...]:
    """A sentence for each: no decision, stops that cannot be met, entries that were not filled, ruin."""
    return (
        *_too_few_bars(bars, strategy.warmup_bars),
        *_stops_out_of_reach(strategy, sides, orders),
        *_not_filled(outcome),
        *_ruin(outcome),
    )


def _too_few_bars(bars: int, warmup_bars: int) -> Iterator[str]:
    if bars <= warmup_bars:
        yield f"There are {bars} bars and the warm-up takes {warmup_bars}: no decision was taken."


def _stops_out_of_reach(strategy: BoundStrategy, sides: tuple[str, ...], orders: Orders) -> Iterator[str]:
    for stop, side in OUT_OF_REACH.items():
        fractions = getattr(orders, stop)
        known = fractions[~np.isnan(fractions)]
        if side in sides and f"entry_{side}" in strategy.rules and len(known) > 0 and known.min() >= 1.0:
            yield (
                f"`{stop}` is never below {known.min():g}, and the price of a {side} position would have to fall to 0 "
                "to meet it: a stop is a fraction of the fill price, 0.05 for 5 %."
            )


def _not_filled(outcome: Outcome) -> Iterator[str]:
    causes = {
        "the equity did not pay for a single lot": outcome.too_small,
        "the size asked for costs more than the equity": outcome.too_dear,
        "a stop was not a number above 0 on the bar that decided them": outcome.unstopped,
    }
    for cause, count in causes.items():
        if count:
            yield f"{count} entries were not filled: {cause}."


def _ruin(outcome: Outcome) -> Iterator[str]:
    if outcome.ruin_bar >= 0:
        yield f"The equity fell to 0 on bar {outcome.ruin_bar + 1}: everything was liquidated there."

"""Orders: what the signals at a close ask for, given what is held."""

from services.backtest.core.engine.dtypes import Bits, Order, Signal
from services.backtest.core.engine.jit import inlined

ENTRY_LONG, EXIT_LONG = Signal.ENTRY_LONG.value, Signal.EXIT_LONG.value
ENTRY_SHORT, EXIT_SHORT = Signal.ENTRY_SHORT.value, Signal.EXIT_SHORT.value
BOTH_ENTRIES = ENTRY_LONG | ENTRY_SHORT
HOLD, EXIT, LONG, SHORT = Order.HOLD.value, Order.EXIT.value, Order.LONG.value, Order.SHORT.value

BLOCK = 16
"""Bars that are looked at together: as many signals as a register of the smallest vector machine holds."""


@inlined
def decide(signals: int, quantity: float) -> int:
    """The order for the next fill.

    An entry beats an exit, an entry on the other side reverses, a repeated entry holds what is held. Entries on both
    sides at once contradict each other, and neither counts.
    """
    entry = signals & BOTH_ENTRIES
    if entry == ENTRY_LONG:
        return HOLD if quantity > 0.0 else LONG
    if entry == ENTRY_SHORT:
        return HOLD if quantity < 0.0 else SHORT
    if quantity > 0.0 and signals & EXIT_LONG != 0:
        return EXIT
    if quantity < 0.0 and signals & EXIT_SHORT != 0:
        return EXIT
    return HOLD


@inlined
def next_decision(signals: Bits, start: int, stop: int, quantity: float) -> int:
    """The first bar from `start` on with an order to give while `quantity` is held, or `stop` when there is none."""
    if quantity > 0.0:
        telling = EXIT_LONG | ENTRY_SHORT
    elif quantity < 0.0:
        telling = EXIT_SHORT | ENTRY_LONG
    else:
        telling = BOTH_ENTRIES
    while start + BLOCK <= stop:
        seen = 0
        for bits in signals[start : start + BLOCK]:
            seen |= bits
        if seen & telling != 0:
            for bar in range(start, start + BLOCK):
                if signals[bar] & telling != 0 and decide(signals[bar], quantity) != HOLD:
                    return bar
        start += BLOCK
    for bar in range(start, stop):
        if signals[bar] & telling != 0 and decide(signals[bar], quantity) != HOLD:
            return bar
    return stop

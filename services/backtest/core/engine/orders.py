"""Orders: what the signals at a close ask for, given what is held."""

from services.backtest.core.engine.dtypes import Order, Signal
from services.backtest.core.engine.jit import kernel

ENTRY_LONG, EXIT_LONG = Signal.ENTRY_LONG.value, Signal.EXIT_LONG.value
ENTRY_SHORT, EXIT_SHORT = Signal.ENTRY_SHORT.value, Signal.EXIT_SHORT.value
BOTH_ENTRIES = ENTRY_LONG | ENTRY_SHORT
HOLD, EXIT, LONG, SHORT = Order.HOLD.value, Order.EXIT.value, Order.LONG.value, Order.SHORT.value


@kernel
def decide(signals: int, quantity: float) -> int:
    """The order for the next open.

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

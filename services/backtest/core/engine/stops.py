"""Stops and targets: the prices that end a trade within a bar, which of them does, and at what price.

Levels are seen in the trade's direction (see Account), so that one rule serves both sides. A stop fills at the worse
of its level and the open, with slippage; a target at the better of the two, without. Where a bar meets both, the stop
counts, or with `target_first` the target, even where the open is beyond the other: the two rules are the ends of what
may have happened, and the first is that of backtesting.py and vectorbt.
"""

from services.backtest.core.engine.dtypes import Account, ExitReason, Floats, Rules, Terms
from services.backtest.core.engine.jit import inlined
from services.backtest.core.engine.trailing import ratcheted, trailing_level

NONE, STOP_LOSS = ExitReason.OPEN.value, ExitReason.STOP_LOSS.value
TAKE_PROFIT, TRAILING_STOP = ExitReason.TAKE_PROFIT.value, ExitReason.TRAILING_STOP.value


@inlined
def stopped_well(terms: Terms) -> bool:
    """Whether each stop that the strategy has is a number above 0."""
    return terms.stop_loss > 0.0 and terms.take_profit > 0.0 and terms.trailing_stop > 0.0


@inlined
def with_stops(account: Account, terms: Terms) -> Account:
    """The account of a fresh trade with the levels of its stops."""
    side = 1.0 if account.quantity > 0.0 else -1.0
    price = account.entry_price
    return Account(
        account.cash,
        account.quantity,
        price,
        account.entry_bar,
        account.costs,
        side * price * (1.0 - side * terms.stop_loss),
        side * price * (1.0 + side * terms.take_profit),
        terms.trailing_stop,
        side * price,
    )


@inlined
def met(rules: Rules, account: Account, open_: float, high: float, low: float) -> tuple[int, float]:
    """The reason for which a bar ends the trade, and the price before slippage; (0, 0.0) when it does not."""
    side = 1.0 if account.quantity > 0.0 else -1.0
    best, worst = (high, low) if side > 0.0 else (-low, -high)
    opened, trail = side * open_, trailing_level(account)
    stop, reason = (trail, TRAILING_STOP) if trail > account.stop else (account.stop, STOP_LOSS)
    stop_met, target_met = worst <= stop, best >= account.target
    if stop_met and not (target_met and rules.target_first):
        return reason, side * min(stop, opened)
    if target_met:
        return TAKE_PROFIT, side * max(account.target, opened)
    return NONE, 0.0


@inlined
def watched(
    rules: Rules, account: Account, opens: Floats, highs: Floats, lows: Floats, start: int, stop: int
) -> tuple[Account, int, int, float]:
    """The bars from `start` to `stop` gone through until one ends the trade.

    Returns the account with its trailing stop as it is then, that bar, or `stop` when there is none, and what `met`
    says of it.
    """
    for bar in range(start, stop + 1):
        reason, price = met(rules, account, opens[bar], highs[bar], lows[bar])
        if reason != NONE:
            return account, bar, reason, price
        account = ratcheted(account, highs[bar], lows[bar])
    return account, stop, NONE, 0.0

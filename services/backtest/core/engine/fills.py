"""Fills: how buying and selling changes an account, the ledger and the sums of a run.

`price` is the market's, or the level that was met; slippage and fees come on top.
"""

from services.backtest.core.engine.costs import fee_of
from services.backtest.core.engine.dtypes import Account, ExitReason, Order, Outcome, Records, Rules, Terms
from services.backtest.core.engine.jit import inlined
from services.backtest.core.engine.ledger import record
from services.backtest.core.engine.sizing import too_dear, units
from services.backtest.core.engine.slippage import slipped
from services.backtest.core.engine.stops import stopped_well, with_stops

EXIT, LONG = Order.EXIT.value, Order.LONG.value
SIGNAL, REVERSE, TAKE_PROFIT = ExitReason.SIGNAL.value, ExitReason.REVERSE.value, ExitReason.TAKE_PROFIT.value


@inlined
def flat(cash: float) -> Account:
    """An account with nothing but money."""
    return Account(cash, 0.0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)


@inlined
def closed(
    rules: Rules, account: Account, outcome: Outcome, trades: Records, bar: int, price: float, reason: int
) -> tuple[Account, Outcome]:
    """All that is held is sold, or bought back, for `reason`; a target is a limit order and does not slip."""
    filled = price if reason == TAKE_PROFIT else slipped(rules, -account.quantity, price)
    fee = fee_of(rules, account.quantity, filled)
    record(trades, outcome.trades, account, bar, filled, fee, reason)
    summed = _summed(outcome, account.quantity, price, filled, 1)
    return flat(account.cash + account.quantity * filled - fee), summed


@inlined
def opened(
    rules: Rules, account: Account, outcome: Outcome, order: int, terms: Terms, bar: int, price: float
) -> tuple[Account, Outcome]:
    """A flat account takes up a position on the side of `order`, or the outcome counts why it cannot."""
    side = 1.0 if order == LONG else -1.0
    filled = slipped(rules, side, price)
    quantity = units(rules, side, account.cash, price, terms.volatility)
    if not stopped_well(terms):
        return account, _unfilled(outcome, 0, 0, 1)
    if quantity == 0.0:
        return account, _unfilled(outcome, 1, 0, 0)
    if too_dear(rules, quantity, filled, account.cash):
        return account, _unfilled(outcome, 0, 1, 0)
    fee = fee_of(rules, quantity, filled)
    held = Account(account.cash - side * quantity * filled - fee, side * quantity, filled, bar, fee, 0.0, 0.0, 0.0, 0.0)
    return with_stops(held, terms), _summed(outcome, quantity, price, filled, 0)


@inlined
def carried_out(
    rules: Rules,
    account: Account,
    outcome: Outcome,
    trades: Records,
    order: int,
    terms: Terms,
    bar: int,
    price: float,
) -> tuple[Account, Outcome]:
    """An order is filled on `bar`: what is held is closed, and a position on the other side opened if it asks for one.

    A reversal is a fill each way at one price, each with its own costs.
    """
    if account.quantity != 0.0:
        account, outcome = closed(rules, account, outcome, trades, bar, price, SIGNAL if order == EXIT else REVERSE)
    if order != EXIT:
        account, outcome = opened(rules, account, outcome, order, terms, bar, price)
    return account, outcome


@inlined
def _summed(outcome: Outcome, quantity: float, price: float, filled: float, trades: int) -> Outcome:
    return Outcome(
        outcome.trades + trades,
        outcome.ruin_bar,
        outcome.too_small,
        outcome.too_dear,
        outcome.unstopped,
        outcome.traded + abs(quantity) * filled,
        outcome.slippage + abs(quantity) * abs(filled - price),
    )


@inlined
def _unfilled(outcome: Outcome, too_small: int, too_dear_: int, unstopped: int) -> Outcome:
    return Outcome(
        outcome.trades,
        outcome.ruin_bar,
        outcome.too_small + too_small,
        outcome.too_dear + too_dear_,
        outcome.unstopped + unstopped,
        outcome.traded,
        outcome.slippage,
    )

"""Borrowing: what holding a short from one bar into the next costs."""

from services.backtest.core.engine.dtypes import Account, Rules
from services.backtest.core.engine.jit import inlined


@inlined
def borrowed(rules: Rules, account: Account, close_before: float, years: float) -> Account:
    """The account after its short was lent for `years`, for a share of what it was worth at the close before."""
    cost = -account.quantity * close_before * rules.borrow_rate * years
    return Account(
        account.cash - cost,
        account.quantity,
        account.entry_price,
        account.entry_bar,
        account.costs + cost,
        account.stop,
        account.target,
        account.trail,
        account.best,
    )

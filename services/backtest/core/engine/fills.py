"""Fills: how buying and selling at a price changes an account."""

from services.backtest.core.engine.costs import fee_of
from services.backtest.core.engine.dtypes import Account, Rules
from services.backtest.core.engine.jit import kernel


@kernel
def opened(rules: Rules, account: Account, quantity: float, price: float, bar: int) -> Account:
    """The account after a flat one takes up `quantity` units, negative to sell short."""
    fee = fee_of(rules, quantity, price)
    return Account(account.cash - quantity * price - fee, quantity, price, fee, bar)


@kernel
def closed(rules: Rules, account: Account, price: float) -> Account:
    """The account after all it holds is sold, or bought back, at `price`."""
    fee = fee_of(rules, account.quantity, price)
    return Account(account.cash + account.quantity * price - fee, 0.0, 0.0, 0.0, 0)


@kernel
def worth(account: Account, price: float) -> float:
    """The equity at `price`: the cash and what the units would bring, costs left aside."""
    return account.cash + account.quantity * price

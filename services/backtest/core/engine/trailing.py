"""The trailing stop: it follows the best price since the fill and never goes back."""

from services.backtest.core.engine.dtypes import Account
from services.backtest.core.engine.jit import inlined


@inlined
def trailing_level(account: Account) -> float:
    """Where the trailing stop stands, in the trade's direction: a fraction away from the best price so far."""
    return account.best * (1.0 - account.trail) if account.quantity > 0.0 else account.best * (1.0 + account.trail)


@inlined
def ratcheted(account: Account, high: float, low: float) -> Account:
    """The account after a bar is over: only then does the bar's own best price count."""
    best = max(account.best, high if account.quantity > 0.0 else -low)
    return Account(
        account.cash,
        account.quantity,
        account.entry_price,
        account.entry_bar,
        account.costs,
        account.stop,
        account.target,
        account.trail,
        best,
    )

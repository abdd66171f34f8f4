"""The ledger: one record for each trade."""

from services.backtest.core.engine.costs import fee_of
from services.backtest.core.engine.dtypes import Account, ExitReason, Records, Rules, Status
from services.backtest.core.engine.jit import kernel

NOT_LEFT, OPEN, CLOSED = ExitReason.OPEN.value, Status.OPEN.value, Status.CLOSED.value


@kernel
def record(trades: Records, row: int, account: Account, exit_bar: int, exit_price: float, exit_fee: float) -> None:
    """Write the trade of what `account` holds into `trades[row]`, as if it ended at `exit_price` for `exit_fee`."""
    trade = trades[row]
    trade["side"] = 1 if account.quantity > 0.0 else -1
    trade["quantity"] = abs(account.quantity)
    trade["entry_bar"] = account.entry_bar
    trade["entry_price"] = account.entry_price
    trade["exit_bar"] = exit_bar
    trade["exit_price"] = exit_price
    trade["fees"] = account.entry_fee + exit_fee
    trade["pnl"] = account.quantity * (exit_price - account.entry_price) - account.entry_fee - exit_fee


@kernel
def record_closed(
    trades: Records, row: int, rules: Rules, account: Account, bar: int, price: float, reason: int
) -> None:
    """Write the trade that ends by filling all that `account` holds at `price`."""
    record(trades, row, account, bar, price, fee_of(rules, account.quantity, price))
    trades[row]["exit_reason"] = reason
    trades[row]["status"] = CLOSED


@kernel
def record_open(trades: Records, row: int, account: Account, bar: int, price: float) -> None:
    """Write the trade that is still held at the last bar, marked at its close without the costs of leaving."""
    record(trades, row, account, bar, price, 0.0)
    trades[row]["exit_reason"] = NOT_LEFT
    trades[row]["status"] = OPEN

"""The ledger: one record for each trade."""

from services.backtest.core.engine.dtypes import Account, ExitReason, Floats, Records, Status
from services.backtest.core.engine.jit import inlined

NOT_LEFT, OPEN, CLOSED = ExitReason.OPEN.value, Status.OPEN.value, Status.CLOSED.value


@inlined
def record(
    trades: Records, row: int, account: Account, exit_bar: int, exit_price: float, exit_fee: float, reason: int
) -> None:
    """Write the trade of what `account` holds into `trades[row]`, as if it ended at `exit_price` for `exit_fee`."""
    trade = trades[row]
    trade["side"] = 1 if account.quantity > 0.0 else -1
    trade["quantity"] = abs(account.quantity)
    trade["entry_bar"] = account.entry_bar
    trade["entry_price"] = account.entry_price
    trade["exit_bar"] = exit_bar
    trade["exit_price"] = exit_price
    trade["fees"] = account.costs + exit_fee
    trade["pnl"] = account.quantity * (exit_price - account.entry_price) - account.costs - exit_fee
    trade["exit_reason"] = reason
    trade["status"] = OPEN if reason == NOT_LEFT else CLOSED


@inlined
def write_positions(position: Floats, trades: Records) -> None:
    """Write the units held at each close, shape (bars,), negative when short: a trade's from its entry to its exit."""
    position[:] = 0.0
    for row in range(len(trades)):
        trade = trades[row]
        stop = len(position) if trade["status"] == OPEN else trade["exit_bar"]
        position[trade["entry_bar"] : stop] = trade["side"] * trade["quantity"]

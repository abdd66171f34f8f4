"""The execution of a strategy's signals over the bars: one pass, one kernel."""

from typing import NamedTuple

import numpy as np

from services.backtest.core.engine.dtypes import TRADE, Account, Bits, ExitReason, Floats, Records, Rules
from services.backtest.core.engine.fills import closed, opened, worth
from services.backtest.core.engine.jit import kernel
from services.backtest.core.engine.ledger import record_closed, record_open
from services.backtest.core.engine.orders import EXIT, HOLD, LONG, decide
from services.backtest.core.engine.sizing import percent_equity

SIGNAL, REVERSE, RUIN = ExitReason.SIGNAL.value, ExitReason.REVERSE.value, ExitReason.RUIN.value


class Run(NamedTuple):
    """What an execution leaves.

    `equity` and `position` (units, negative when short) are as of each close; `trades` has the dtype TRADE, the one
    still open last; `ruin_bar` is -1 unless the equity fell to 0; `unfilled` counts the entries too small for a lot.
    """

    equity: Floats
    position: Floats
    trades: Records
    ruin_bar: int
    unfilled: int


@kernel
def execute(opens: Floats, closes: Floats, signals: Bits, first_decision: int, rules: Rules) -> Run:
    """Decide at each close from `first_decision` on, fill at the next open, mark at each close.

    What the last close asks for is never filled, and what is held then stays open. When the equity at a close is 0
    or less, all is liquidated at that close with its costs, the equity is 0 from there on and nothing more happens.
    """
    bars = len(closes)
    equity, position = np.zeros(bars), np.zeros(bars)
    trades = np.empty(bars, TRADE)
    count, unfilled, order = 0, 0, HOLD
    account = Account(rules.initial_cash, 0.0, 0.0, 0.0, 0)
    for bar in range(bars):
        if order != HOLD:
            price = opens[bar]
            if account.quantity != 0.0:
                record_closed(trades, count, rules, account, bar, price, SIGNAL if order == EXIT else REVERSE)
                account = closed(rules, account, price)
                count += 1
            if order != EXIT:
                quantity = percent_equity(rules, account.cash, price)
                if quantity > 0.0:
                    account = opened(rules, account, quantity if order == LONG else -quantity, price, bar)
                else:
                    unfilled += 1
        value = worth(account, closes[bar])
        if value <= 0.0:
            if account.quantity != 0.0:
                record_closed(trades, count, rules, account, bar, closes[bar], RUIN)
                count += 1
            return Run(equity, position, trades[:count].copy(), bar, unfilled)
        equity[bar] = value
        position[bar] = account.quantity
        order = decide(signals[bar], account.quantity) if bar >= first_decision else HOLD
    if account.quantity != 0.0:
        record_open(trades, count, account, bars - 1, closes[bars - 1])
        count += 1
    return Run(equity, position, trades[:count].copy(), -1, unfilled)

"""The execution of a strategy's orders over the bars: one pass, one kernel."""

from services.backtest.core.engine.borrow import borrowed
from services.backtest.core.engine.dtypes import Account, Book, ExitReason, Floats, Market, Orders, Outcome, Rules
from services.backtest.core.engine.fills import carried_out, closed, flat
from services.backtest.core.engine.jit import inlined, kernel
from services.backtest.core.engine.ledger import record, write_positions
from services.backtest.core.engine.marking import mark
from services.backtest.core.engine.orders import HOLD, decide, next_decision
from services.backtest.core.engine.stops import watched
from services.backtest.core.engine.terms import terms_at

OPEN, RUIN, END = ExitReason.OPEN.value, ExitReason.RUIN.value, ExitReason.END.value


@kernel
def simulate(market: Market, orders: Orders, first_decision: int, rules: Rules, book: Book) -> Outcome:
    """Decide at each close from `first_decision` on, fill at the next open or at that close, mark at each close.

    On each bar, in this order: the borrowing since the bar before, the fill at the open, stops and targets, the mark,
    ruin, the decision, the fill at the close. What the last close asks for is never filled; what is held then stays
    open, or is closed there when the rules say so. When the equity at a close is 0 or less, all is liquidated at that
    close with its costs, the equity is 0 from there on and nothing more happens.

    The pass goes from one bar on which something happens to the next, except that borrowing happens on every bar.
    """
    opens, highs, lows, closes, years = market
    signals, stop_loss, take_profit, trailing_stop, volatility = orders
    equity, trades = book.equity, book.trades
    last = len(closes) - 1
    watching = len(stop_loss) + len(take_profit) + len(trailing_stop) > 0
    account, outcome = flat(rules.initial_cash), Outcome(0, -1, 0, 0, 0, 0.0, 0.0)
    order, bar, ruin = HOLD, 0, -1
    while bar <= last and ruin < 0:
        if account.quantity < 0.0 and rules.borrow_rate > 0.0:
            account = borrowed(rules, account, closes[bar - 1], years[bar])
        if order != HOLD and not rules.at_close:
            terms = terms_at(stop_loss, take_profit, trailing_stop, volatility, bar - 1)
            account, outcome = carried_out(rules, account, outcome, trades, order, terms, bar, opens[bar])
        decision, reason, level = bar, OPEN, 0.0
        if account.quantity >= 0.0 or rules.borrow_rate == 0.0:
            decision = next_decision(signals, max(bar, first_decision), last, account.quantity)
        if account.quantity != 0.0 and watching:
            account, decision, reason, level = watched(rules, account, opens, highs, lows, bar, decision)
        ruin = mark(equity, closes, bar, decision + (reason == OPEN), account.cash, account.quantity)
        bar = decision
        if reason != OPEN and ruin < 0:
            account, outcome = closed(rules, account, outcome, trades, bar, level, reason)
            ruin = mark(equity, closes, bar, bar + 1, account.cash, account.quantity)
        if ruin >= 0:
            break
        order = decide(signals[bar], account.quantity) if first_decision <= bar < last else HOLD
        if bar == last and rules.close_at_end and account.quantity != 0.0:
            account, outcome = closed(rules, account, outcome, trades, bar, closes[bar], END)
            ruin = mark(equity, closes, bar, bar + 1, account.cash, account.quantity)
        elif order != HOLD and rules.at_close:
            terms = terms_at(stop_loss, take_profit, trailing_stop, volatility, bar)
            account, outcome = carried_out(rules, account, outcome, trades, order, terms, bar, closes[bar])
            ruin = mark(equity, closes, bar, bar + 1, account.cash, account.quantity)
        bar += 1
    return _ended(rules, account, outcome, book, closes, ruin)


@inlined
def _ended(rules: Rules, account: Account, outcome: Outcome, book: Book, closes: Floats, ruin: int) -> Outcome:
    """The outcome of a run that reached its last bar, or that was ruined on the bar `ruin`, which is not negative."""
    last = len(closes) - 1
    if ruin >= 0:
        if account.quantity != 0.0:
            account, outcome = closed(rules, account, outcome, book.trades, ruin, closes[ruin], RUIN)
        book.equity[ruin:] = 0.0
    still_held = account.quantity != 0.0
    if still_held:
        record(book.trades, outcome.trades, account, last, closes[last], 0.0, OPEN)
    count = outcome.trades + still_held
    if len(book.position) > 0:
        write_positions(book.position, book.trades[:count])
    return Outcome(
        count,
        ruin,
        outcome.too_small,
        outcome.too_dear,
        outcome.unstopped,
        outcome.traded,
        outcome.slippage,
    )

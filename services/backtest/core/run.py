"""One backtest from end to end: bind, evaluate, execute, measure, name."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import (
    TRADE,
    Book,
    Floats,
    Ints,
    Market,
    Orders,
    Records,
    Rules,
    Signal,
    SizeMethod,
)
from services.backtest.core.engine.evaluate import go_on
from services.backtest.core.engine.ordering import orders_of
from services.backtest.core.engine.simulate import simulate
from services.backtest.core.engine.ten import ten
from services.backtest.core.execution import check_execution, sides_of
from services.backtest.core.identity import result_digest
from services.backtest.core.language import CheckedSpec
from services.backtest.core.metrics import measure
from services.backtest.core.metrics.drawdown import drawdown
from services.backtest.core.result import BacktestResult, Trades
from services.backtest.core.setting import calendar_of, market_of, rules_of
from services.backtest.core.warnings import warnings_of
from shared.contracts.values import Execution


def run_backtest(
    spec: CheckedSpec,
    bars: Bars,
    params: Mapping[str, object] | None,
    execution: Execution,
    between: Callable[[], None] = go_on,
) -> BacktestResult:
    """Run a strategy over bars that have been cut to the dates asked for.

    `between` is called between its parts, and what it raises ends the run. Raises InvalidParams or InvalidExecution
    when it cannot be run as asked.
    """
    check_execution(execution, spec)
    strategy, sides, calendar = spec.bind(params), sides_of(execution), calendar_of(bars)
    market, first = market_of(bars), strategy.warmup_bars
    rules = rules_of(execution, strategy.sizing, calendar.bars_per_year)
    orders, book = orders_of(strategy, bars, sides, between), _book(len(bars), len(bars))
    between()
    outcome = simulate(market, orders, first, rules, book)
    between()
    trades, drawdowns = _trades(book.trades[: outcome.trades], bars.time), drawdown(book.equity, rules.initial_cash)
    between()
    benchmark = _bought_and_held(market, first, rules)
    between()
    metrics = measure(
        time=bars.time,
        bars_per_year=calendar.bars_per_year,
        days=calendar.days,
        equity=book.equity,
        drawdowns=drawdowns,
        position=book.position,
        trades=trades,
        ten=ten(book, outcome, rules.initial_cash, calendar.bars_per_year or math.nan, calendar.days),
        benchmark=benchmark,
        traded=outcome.traded,
        fees_paid=float(trades.fees.sum()),
        slippage_paid=outcome.slippage,
        between=between,
    )
    between()
    return BacktestResult(
        time=bars.time,
        equity=book.equity,
        drawdown=drawdowns,
        position=book.position,
        trades=trades,
        metrics=metrics,
        warmup_bars=first,
        warnings=warnings_of(strategy, sides, orders, outcome, len(bars)),
        ruined=outcome.ruin_bar >= 0,
        result_digest=result_digest(bars.time, book.equity, drawdowns, book.position, trades),
    )


def _book(bars: int, positions: int) -> Book:
    return Book(np.empty(bars), np.empty(positions), np.empty(bars + 1, TRADE))


def _bought_and_held(market: Market, first_decision: int, rules: Rules) -> Floats:
    """The equity of buying with all there is on the first decision, by the same rules, and never selling."""
    signals, none = np.zeros(len(market.close), np.uint8), np.empty(0)
    signals[first_decision : first_decision + 1] = Signal.ENTRY_LONG
    for array in (signals, none):
        array.flags.writeable = False
    book = _book(len(signals), 0)
    everything = rules._replace(size_method=SizeMethod.PERCENT_EQUITY.value, size=1.0)
    simulate(market, Orders(signals, none, none, none, none), first_decision, everything, book)
    return book.equity


def _returns(records: Records) -> Floats:
    """The pnl over what was bought or sold; NaN where that is worth too little for a number."""
    with np.errstate(all="ignore"):
        returns: Floats = records["pnl"] / (records["quantity"] * records["entry_price"])
    returns[np.isinf(returns)] = np.nan
    return returns


def _trades(records: Records, time: Ints) -> Trades:
    return Trades(
        side=records["side"].copy(),
        quantity=records["quantity"].copy(),
        entry_time=time[records["entry_bar"]],
        entry_price=records["entry_price"].copy(),
        exit_time=time[records["exit_bar"]],
        exit_price=records["exit_price"].copy(),
        pnl=records["pnl"].copy(),
        return_=_returns(records),
        fees=records["fees"].copy(),
        bars=records["exit_bar"] - records["entry_bar"],
        exit_reason=records["exit_reason"].copy(),
        status=records["status"].copy(),
    )

"""The sweep's kernel: for each combination its signals, its run and its ten metrics, with nothing kept but these."""

from typing import NamedTuple

import numpy as np

from services.backtest.core.engine.dtypes import TRADE, Bits, Book, Floats, Ints, Market, Orders, Rules, Ten
from services.backtest.core.engine.jit import kernel
from services.backtest.core.engine.simulate import simulate
from services.backtest.core.engine.ten import ten
from services.backtest.core.sweep.instructions import NUMBER
from services.backtest.core.sweep.machine import block_of, linked, run_program


class Work(NamedTuple):
    """Some combinations and what is particular to each.

    `places` are theirs in the result; `slots` has the shape (combinations, rows), `singles` (combinations, singles),
    `first_decisions` (combinations,).
    """

    places: Ints
    slots: Ints
    singles: Floats
    first_decisions: Ints


class Setting(NamedTuple):
    """What is the same for all.

    `code`, `histories`, `targets` and `number_rows` are the program's, `lag` is that of the tables of the machine.
    `terms`, shape (4,), is 1 for the terms of an order that the strategy has, else 0.
    """

    market: Market
    rules: Rules
    bars_per_year: float
    days: float
    code: Ints
    histories: Ints
    targets: Ints
    number_rows: int
    lag: int
    terms: Ints


@kernel
def run_combinations(work: Work, setting: Setting, numbers: Floats, flags: Bits, metrics: Floats) -> None:
    """Fill the columns of `metrics`, shape (10, all combinations), for the combinations of `work`.

    `numbers` and `flags` are the machine's tables.
    """
    market, rules, code, lag = setting.market, setting.rules, setting.code, setting.lag
    bars = len(market.close)
    book = Book(np.empty(bars), np.empty(0), np.empty(bars + 1, TRADE))
    signals, widths = np.empty(bars, np.uint8), setting.terms * bars
    outputs = np.empty((len(widths), widths.max()))
    own = code.copy()
    for combination in range(len(work.places)):
        linked(code, work.slots[combination], setting.number_rows, own)
        set_singles(setting.targets, work.singles[combination], numbers, flags, lag, block_of(bars))
        run_program(own, setting.histories, numbers, flags, lag, signals, outputs)
        orders = Orders(
            signals,
            outputs[0, : widths[0]],
            outputs[1, : widths[1]],
            outputs[2, : widths[2]],
            outputs[3, : widths[3]],
        )
        outcome = simulate(market, orders, work.first_decisions[combination], rules, book)
        row = ten(book, outcome, rules.initial_cash, setting.bars_per_year, setting.days)
        _store(row, metrics, work.places[combination])


@kernel
def set_singles(targets: Ints, values: Floats, numbers: Floats, flags: Bits, lag: int, block: int) -> None:
    """Fill the registers that hold one value for the whole of a combination."""
    for single in range(len(values)):
        sort, register = targets[single]
        if sort == NUMBER:
            numbers[register, lag : lag + block] = values[single]
        else:
            flags[register, lag : lag + block] = np.uint8(values[single])


@kernel
def _store(row: Ten, metrics: Floats, place: int) -> None:
    metrics[0, place] = row.final_value
    metrics[1, place] = row.total_return
    metrics[2, place] = row.cagr
    metrics[3, place] = row.volatility
    metrics[4, place] = row.sharpe
    metrics[5, place] = row.sortino
    metrics[6, place] = row.max_drawdown
    metrics[7, place] = row.trades
    metrics[8, place] = row.win_rate
    metrics[9, place] = row.profit_factor

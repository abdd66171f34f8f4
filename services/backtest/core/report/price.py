"""The trades marked on the price, and the same trades as a table."""

import math
from collections.abc import Iterator
from datetime import tzinfo

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.report.chart import Chart
from services.backtest.core.report.clock import shown
from services.backtest.core.report.subject import Market
from services.backtest.core.report.text import WIDE, measured, number, price
from services.backtest.core.result import Trade, Trades

MARKED = 250
"""Of more trades, one half of these are marked that won the most, and one that lost the most."""
SIZE = 4.0
MANIFOLD = 8.0


def price_chart(market: Market, trades: Trades) -> str:
    """The closes, each marked trade a line from its entry to its exit: a triangle in, a dot out.

    On a logarithmic scale where the price multiplied: the trades at its lowest would be one spot on the ground.
    """
    chosen = [trades[index] for index in marked(trades).tolist()]
    prices = [paid for trade in chosen for paid in (trade.entry_price, trade.exit_price)]
    low, high = min([float(market.close.min()), *prices]), max([float(market.close.max()), *prices])
    logarithmic = high > MANIFOLD * low > 0.0
    chart = Chart("price", market.time, market.zone, low, high, height=320, logarithmic=logarithmic)
    chart.line(market.time, market.close, "close")
    for mark in _marks(chart, chosen, market.zone):
        chart.add(mark)
    return f'<p class="hint">{_KEY}{_SCALE if logarithmic else ""}</p>' + chart.svg(
        f"The closes went from {price(market.close[0])} to {price(market.close[-1])}. {_how_many(trades)} {_KEY} The "
        "table below has the same trades."
    )


def trades_table(trades: Trades, zone: tzinfo) -> str:
    """The marked trades, in order of entry, behind a summary to open."""
    if len(trades) == 0:
        return "<p>There was no trade.</p>"
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Side", "Quantity", "Entry", "at", "Exit", "at", "Reason", "Fees", "Profit", "Return")
    )
    rows = "".join(_row(trades[index], zone) for index in marked(trades).tolist())
    return (
        f'<details><summary>{_how_many(trades)}</summary>{WIDE}<table class="trades"><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )


def marked(trades: Trades) -> Ints:
    """The indices, rising, of the trades that are shown."""
    if len(trades) <= MARKED:
        return np.arange(len(trades))
    half = MARKED // 2
    order = np.argpartition(trades.pnl, (half, len(trades) - half))
    return np.sort(np.concatenate([order[:half], order[-half:]]))


_KEY = (
    "A triangle is an entry, pointing up for long and down for short, a dot an exit, hollow while the trade is open; "
    "green won and red lost. Point at one for its trade."
)
_SCALE = " The scale is logarithmic."


def _how_many(trades: Trades) -> str:
    if len(trades) > MARKED:
        return f"{MARKED} of {number(len(trades), 0)} trades: the {MARKED // 2} best and the {MARKED // 2} worst."
    return "1 trade." if len(trades) == 1 else f"{len(trades)} trades."


def _marks(chart: Chart, trades: list[Trade], zone: tzinfo) -> Iterator[str]:
    times = chart.x(np.array([[trade.entry_time, trade.exit_time] for trade in trades], np.int64).reshape(-1, 2))
    prices = chart.y(np.array([[trade.entry_price, trade.exit_price] for trade in trades], np.float64).reshape(-1, 2))
    for trade, (x, to_x), (y, to_y) in zip(trades, times.tolist(), prices.tolist(), strict=True):
        yield _mark(trade, zone, (x, y), (to_x, to_y))


def _mark(trade: Trade, zone: tzinfo, entry: tuple[float, float], leaving: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = entry, leaving
    point = SIZE if trade.side == "short" else -SIZE
    held = " open" if trade.status == "open" else ""
    left = f"marked at the last close, {price(trade.exit_price)}" if held else _leaving(trade, zone)
    return (
        f'<g class="{_outcome(trade)}{held}"><title>{trade.side} {number(trade.quantity)} at '
        f"{price(trade.entry_price)} on {shown(trade.entry_time, zone)}, {left}: {number(trade.pnl)} "
        f'({_gain(trade)})</title><path d="M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}"/>'
        f'<path d="M{x:.1f},{y + point:.1f}l{SIZE},{-2 * point}h{-2 * SIZE}Z"/>'
        f'<circle cx="{to_x:.1f}" cy="{to_y:.1f}" r="3"/></g>'
    )


def _leaving(trade: Trade, zone: tzinfo) -> str:
    return f"out by {trade.exit_reason} at {price(trade.exit_price)} on {shown(trade.exit_time, zone)}"


def _row(trade: Trade, zone: tzinfo) -> str:
    cells = (
        trade.side, number(trade.quantity), shown(trade.entry_time, zone), price(trade.entry_price),
        shown(trade.exit_time, zone), price(trade.exit_price), trade.exit_reason, number(trade.fees),
        number(trade.pnl), _gain(trade),
    )  # fmt: skip
    return f'<tr class="{_outcome(trade)}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _gain(trade: Trade) -> str:
    return measured(trade.return_ if math.isfinite(trade.return_) else None, "fraction")


def _outcome(trade: Trade) -> str:
    return "won" if trade.pnl > 0.0 else "lost"

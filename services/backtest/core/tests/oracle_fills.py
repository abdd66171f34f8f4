"""The second half of the plain-Python backtest: signals to money, bar by bar."""

import math
from dataclasses import dataclass, field
from typing import Any

from services.backtest.core.tests.oracle import Column


@dataclass
class Book:
    """Money, units held, and the trades so far as (side, units, entry, exit, pnl, reason)."""

    cash: float
    units: float = 0.0
    entry: float = 0.0
    paid: float = 0.0
    trades: list[tuple[Any, ...]] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)


def backtest(bars: dict[str, Column], rules: dict[str, Column], start: int, options: dict[str, Any]) -> Book:
    """Decide at a close from bar `start` on, fill at the next open."""
    size, book, order = len(bars["close"]), Book(options["cash"]), ""
    share, rate, fixed = options["fraction"], options["fee_bps"] / 1e4, options["fee_fixed"]

    def leave(price: float, reason: str) -> None:
        fee = abs(book.units) * price * rate + fixed
        pnl = book.units * (price - book.entry) - book.paid - fee
        book.trades.append((math.copysign(1, book.units), abs(book.units), book.entry, price, pnl, reason))
        book.cash += book.units * price - fee
        book.units = 0.0

    for i in range(size):
        if order:
            if book.units:
                leave(bars["open"][i], "signal" if order == "exit" else "reverse")
            if order != "exit":
                price = bars["open"][i]
                units = (share * book.cash - fixed) / (price * (1 + rate))
                if options["lot_size"]:
                    units = math.floor(units / options["lot_size"]) * options["lot_size"]
                if units > 0:
                    book.units, book.entry = (units if order == "long" else -units), price
                    book.paid = units * price * rate + fixed
                    book.cash -= book.units * price + book.paid
        worth = book.cash + book.units * bars["close"][i]
        if worth <= 0:
            if book.units:
                leave(bars["close"][i], "ruin")
            book.equity += [0.0] * (size - i)
            return book
        book.equity.append(worth)
        order = decide({rule: column[i] for rule, column in rules.items()}, book.units) if i >= start else ""
    return book


def decide(now: dict[str, bool], units: float) -> str:
    """What to do at the next open: long, short, exit or nothing."""
    long, short = now.get("entry_long", False), now.get("entry_short", False)
    if long != short:
        side = "long" if long else "short"
        return "" if (units > 0 and long) or (units < 0 and short) else side
    leaves = now.get("exit_long" if units > 0 else "exit_short", False)
    return "exit" if units and leaves else ""

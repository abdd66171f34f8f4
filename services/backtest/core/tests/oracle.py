"""The engine in plain Python, written from the rules of execution and not from the engine: orders in, money out."""

import math
import statistics
from itertools import pairwise
from typing import Any

Column = list[Any]


class Run:
    """One run over columns with a value a bar; the options are those of a run, costs as fractions of what is traded."""

    def __init__(self, bars: dict[str, Column], terms: dict[str, Column], options: dict[str, Any]) -> None:
        self.bars, self.terms, self.o, self.cash = bars, terms, options, options["cash"]
        self.units = self.entry = self.costs = self.best = self.traded = self.slipped = 0.0
        self.since, self.ruin, self.stops = 0, -1, dict[str, float]()
        self.equity, self.trades, self.unfilled = Column(), Column(), Column()

    def _fill(self, units: float, price: float, slip: float) -> float:
        filled = price * (1 + slip if units > 0 else 1 - slip)
        fee = abs(units) * filled * self.o["fee"] + self.o["fee_fixed"]
        self.cash, self.costs = self.cash - units * filled - fee, self.costs + fee
        self.traded, self.slipped = self.traded + abs(units) * filled, self.slipped + abs(units * (filled - price))
        return filled

    def _leave(self, i: int, price: float, reason: str) -> None:
        filled = self._fill(-self.units, price, 0.0 if reason == "take_profit" else self.o["slippage"])
        pnl = self.units * (filled - self.entry) - self.costs
        self.trades.append((self.units, self.since, self.entry, i, filled, pnl, self.costs, reason))
        self.units = self.costs = 0.0

    def _enter(self, i: int, price: float, side: int, decided: int) -> None:
        stops = {name: column[decided] for name, column in self.terms.items() if name != "volatility"}
        filled, fee, fixed = price * (1 + side * self.o["slippage"]), self.o["fee"], self.o["fee_fixed"]
        share, method, moves = self.o["size"], self.o["method"], self.terms["volatility"][decided]
        if method == "volatility_target":
            share = min(1.0, share / moves) if moves else 1.0
        units = (share * self.cash - fixed) / (price * (1 + self.o["slippage"]) * (1 + fee))
        if method.startswith("fixed"):
            units = share / (filled if method == "fixed_value" else 1.0)
        units = math.floor(units / self.o["lot"] * (1 + 1e-12)) * self.o["lot"] if self.o["lot"] else units
        if not all(stop > 0 for stop in stops.values()):
            self.unfilled.append("unstopped")
        elif units <= 0:
            self.unfilled.append("too_small")
        elif method.startswith("fixed") and units * filled * (1 + fee) + fixed > self.cash * (1 + 1e-12):
            self.unfilled.append("too_dear")
        else:
            self.units, self.since, self.stops = side * units, i, stops
            self.entry = self.best = self._fill(self.units, price, self.o["slippage"])

    def _carry_out(self, order: str, i: int, price: float, decided: int) -> None:
        if self.units:
            self._leave(i, price, "signal" if order == "exit" else "reverse")
        if order != "exit":
            self._enter(i, price, 1 if order == "long" else -1, decided)

    def _watch(self, i: int) -> None:
        side, start = math.copysign(1, self.units), self.bars["open"][i]
        worst, best = (self.bars["low"][i], self.bars["high"][i])[:: int(side)]
        stop = self.entry * (1 - side * self.stops.get("stop_loss", math.inf))
        trail = self.best * (1 - side * self.stops.get("trailing_stop", math.inf))
        target = self.entry * (1 + side * self.stops.get("take_profit", math.inf))
        stop, reason = (trail, "trailing_stop") if side * trail > side * stop else (stop, "stop_loss")
        stopped, reached = side * worst <= side * stop, side * best >= side * target
        if stopped and not (reached and self.o["target_first"]):
            self._leave(i, side * min(side * stop, side * start), reason)
        elif reached:
            self._leave(i, side * max(side * target, side * start), "take_profit")
        else:
            self.best = side * max(side * self.best, side * best)

    def _decide(self, now: dict[str, Any]) -> str:
        long, short = now.get("entry_long", False), now.get("entry_short", False)
        if long != short:
            return "" if (self.units > 0 and long) or (self.units < 0 and short) else "long" if long else "short"
        return "exit" if self.units and now.get("exit_long" if self.units > 0 else "exit_short", False) else ""

    def go(self, rules: dict[str, Column], first: int) -> "Run":
        """The run to its end, deciding from bar `first` on."""
        size, order, at_close = len(self.bars["close"]), "", self.o["at_close"]
        for i, close in enumerate(self.bars["close"]):
            if self.units < 0:
                lent = -self.units * self.bars["close"][i - 1] * self.o["borrow"] * self.bars["years"][i]
                self.cash, self.costs = self.cash - lent, self.costs + lent
            if order and not at_close:
                self._carry_out(order, i, self.bars["open"][i], i - 1)
            if self.units:
                self._watch(i)
            alive, now = self.cash + self.units * close > 0, {rule: column[i] for rule, column in rules.items()}
            order = self._decide(now) if alive and first <= i < size - 1 else ""
            if alive and i == size - 1 and self.o["close_at_end"] and self.units:
                self._leave(i, close, "end")
            elif order and at_close:
                self._carry_out(order, i, close, i)
            if self.cash + self.units * close <= 0:
                if self.units:
                    self._leave(i, close, "ruin")
                self.ruin, self.equity = i, self.equity + [0.0] * (size - i)
                break
            self.equity.append(self.cash + self.units * close)
        return self

    def ten(self, year: float, days: float) -> list[float]:
        """The ten metrics in their order; NaN is undefined."""
        pnl, lived = [trade[5] for trade in self.trades], self.equity[: self.ruin + 1 or None]
        r, growth = [b / a - 1 for a, b in pairwise(lived)], self.equity[-1] / self.o["cash"]
        mean, spread = statistics.fmean(r or [math.nan]), statistics.stdev(r) if len(r) > 1 else math.nan
        down, root = math.sqrt(statistics.fmean(min(x, 0.0) ** 2 for x in r or [0.0])), math.sqrt(year)
        grown = [self.equity[-1], growth - 1, growth ** (365.25 / days) - 1, spread * root]
        fall = min(e / max(self.o["cash"], *lived[: i + 1]) - 1 for i, e in enumerate(lived))
        won, lost = (math.fsum(max(sign * p, 0.0) for p in pnl) for sign in (1, -1))
        ratios = [mean / (spread if spread > 1e-14 else math.nan) * root, mean / (down or math.nan) * root, fall]
        return [*grown, *ratios, len(pnl), sum(p > 0 for p in pnl) / (len(pnl) or math.nan), won / (lost or math.nan)]

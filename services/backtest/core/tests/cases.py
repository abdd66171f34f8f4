"""Random markets, orders and terms of execution, and a comparison of the engine with the oracle on each."""

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.backtest.core.engine.dtypes import (
    TRADE,
    Book,
    ExitReason,
    Floats,
    Market,
    Orders,
    Outcome,
    Rules,
    Signal,
    SizeMethod,
    Status,
)
from services.backtest.core.engine.simulate import simulate
from services.backtest.core.engine.ten import ten
from services.backtest.core.engine.tests.executions import read_only
from services.backtest.core.tests import oracle

RULES = ("entry_long", "exit_long", "entry_short", "exit_short")
STOPS = ("stop_loss", "take_profit", "trailing_stop")
YEAR, DAYS = 252.0, 91.0


@dataclass(frozen=True)
class Case:
    """One run to be: columns with a value a bar, and the options as the oracle takes them."""

    bars: dict[str, list[float]]
    rules: dict[str, list[bool]]
    terms: dict[str, list[float]]
    first: int
    options: dict[str, Any]


def random_case(rng: random.Random) -> Case:
    """A market with gaps, and everything an execution may ask for, each now and then."""
    size = rng.randint(1, 60)
    grain = rng.choice([0.0, 0.0, 0.25])
    columns = _bars(rng, size, 10.0 ** rng.choice([-8, -2, 1, 2, 2, 2, 8]), rng.choice([0.01, 0.05, 0.2, 0.6]), grain)
    columns["years"] = [rng.choice([1, 1, 1, 3]) / 365.25 for _ in range(size)]
    busy = rng.choice([0.05, 0.2, 0.5])
    sides = rng.choice([("long",), ("short",), ("long", "short")])
    rules = {rule: [rng.random() < busy for _ in range(size)] for rule in RULES if rule.endswith(sides)}
    terms = {"volatility": [rng.choice([0.0, 0.01, 0.02, 0.05]) for _ in range(size)]}
    for stop in STOPS:
        if rng.random() < 0.5:
            level = rng.choice([0.005, 0.03, 0.1, 0.5, 1.5])
            levels = [level, level / 3, level * 3] * 4 + [math.nan, 0.0, -1.0]
            varies = rng.random() < 0.3
            terms[stop] = [rng.choice(levels) if varies else level for _ in range(size)]
    cash = rng.choice([50.0, 1e3, 1e4, 1e6])
    method = rng.choice(["percent_equity", "percent_equity", "fixed_quantity", "fixed_value", "volatility_target"])
    price = columns["close"][0]
    share = rng.choice([0.25, 0.5, 1.0])
    sizes = {"percent_equity": share, "fixed_quantity": share * cash / price, "fixed_value": share * cash}
    return Case(columns, rules, terms, rng.randint(0, size // 4), {
        "cash": cash, "method": method, "size": sizes.get(method, 0.01 * share),
        "lot": rng.choice([0.0, 0.0, cash / price / 50]), "fee": rng.choice([0.0, 0.001, 0.02]),
        "fee_fixed": rng.choice([0.0, 0.0, 1.0, cash / 9]), "slippage": rng.choice([0.0, 0.0005, 0.02]),
        "borrow": rng.choice([0.0, 0.03, 20.0]), "at_close": rng.random() < 0.4,
        "target_first": rng.random() < 0.4, "close_at_end": rng.random() < 0.4,
    })  # fmt: skip


def _bars(rng: random.Random, size: int, price: float, swing: float, grain: float) -> dict[str, list[float]]:
    """Bars that gap, whose ranges are wide enough for two stops; on a coarse grid when `grain` is not 0."""
    columns: dict[str, list[float]] = {name: [] for name in ("open", "high", "low", "close")}
    for _ in range(size):
        start = price * math.exp(rng.gauss(0, swing) * (rng.random() < 0.5))
        end = start * math.exp(rng.gauss(0, swing))
        if grain:
            start, end = (max(round(p / grain) * grain, grain) for p in (start, end))
        reach = rng.choice([1.0, 1.0, 1.0 + swing, 1.0 + 3 * swing])
        row = (start, max(start, end) * reach, min(start, end) / reach, end)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
        price = end
    return columns


def engine(case: Case) -> tuple[Outcome, Book]:
    """What the engine makes of a case. A stop that is the same on every bar is given once."""
    options, size = case.options, len(case.bars["close"])
    bits = {rule: Signal[rule.upper()] for rule in RULES}
    signals = sum((np.array(column, np.uint8) * bits[rule] for rule, column in case.rules.items()), np.zeros(size))

    def term(name: str) -> Floats:
        column = case.terms.get(name, [])
        array: Floats = read_only(column if len(set(map(repr, column))) > 1 else column[:1])
        return array

    market = Market(*(read_only(case.bars[name]) for name in ("open", "high", "low", "close", "years")))
    orders = Orders(read_only(signals, np.uint8), *(term(name) for name in (*STOPS, "volatility")))
    rules = Rules(
        options["cash"], SizeMethod[options["method"].upper()].value, options["size"], options["lot"], options["fee"],
        options["fee_fixed"], options["slippage"], options["borrow"], options["at_close"], options["target_first"],
        options["close_at_end"],
    )  # fmt: skip
    book = Book(np.full(size, np.nan), np.full(size, np.nan), np.empty(size + 1, TRADE))
    return simulate(market, orders, case.first, rules, book), book


def compare(case: Case) -> oracle.Run:
    """Assert that engine and oracle agree on everything; returns what the oracle says."""
    expected = oracle.Run(case.bars, case.terms, case.options).go(case.rules, case.first)
    outcome, book = engine(case)
    trades, cash = book.trades[: outcome.trades], case.options["cash"]
    closed = trades[trades["status"] == Status.CLOSED]
    reasons = [ExitReason(reason).name.lower() for reason in closed["exit_reason"]]
    assert outcome.ruin_bar == expected.ruin
    assert reasons == [trade[-1] for trade in expected.trades]
    assert [*closed["entry_bar"], *closed["exit_bar"]] == [trade[at] for at in (1, 3) for trade in expected.trades]
    for name, at in {"entry_price": 2, "exit_price": 4}.items():
        np.testing.assert_allclose(closed[name], [trade[at] for trade in expected.trades], rtol=1e-12, atol=0)
    np.testing.assert_allclose(closed["side"] * closed["quantity"], [t[0] for t in expected.trades], rtol=1e-9, atol=0)
    for name, at in {"pnl": 5, "fees": 6}.items():
        np.testing.assert_allclose(closed[name], [trade[at] for trade in expected.trades], rtol=1e-9, atol=1e-9 * cash)
    np.testing.assert_allclose(book.equity, expected.equity, rtol=1e-9, atol=1e-9 * cash)
    np.testing.assert_allclose(book.position[-1], expected.units, rtol=1e-9, atol=0)
    assert (outcome.trades > len(closed)) == (expected.units != 0.0)
    for cause in ("too_small", "too_dear", "unstopped"):
        assert getattr(outcome, cause) == expected.unfilled.count(cause), cause
    np.testing.assert_allclose(outcome[-2:], (expected.traded, expected.slipped), rtol=1e-9, atol=1e-9 * cash)
    metrics = ten(book, outcome, cash, YEAR, DAYS)
    np.testing.assert_allclose(metrics, expected.ten(YEAR, DAYS), rtol=1e-9, atol=1e-10, equal_nan=True)
    assert np.isfinite(book.equity).all()
    assert (book.equity >= 0.0).all()
    return expected

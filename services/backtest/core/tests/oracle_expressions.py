"""Part of the language in plain Python, for strategies to feed the oracle with. Windows up to 7 bars: there, additions
in order are the only order, so that both sides of a comparison round alike and ties stay ties.

An expression is a tuple, such as ("sma", ("close",), 3) or (">", a, b); a missing number is None.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

Expression = tuple[Any, ...]
Column = list[Any]
WINDOWS = {"sma", "stddev", "highest", "lowest"}


def text(e: Expression) -> str:
    """The expression as a strategy document spells it."""
    op, *args = e
    if op in {">", "<", ">=", "<=", "!=", "+", "-", "*", "/", "and", "or"}:
        return f"({text(args[0])} {op} {text(args[1])})"
    if op == "lag":
        return f"{text(args[0])}[{args[1]}]"
    if op == "not":
        return f"(not {text(args[0])})"
    if op == "number":
        return str(args[0])
    return f"{op}({', '.join(text(a) if isinstance(a, tuple) else str(a) for a in args)})" if args else str(op)


def warmup(e: Expression, *, lags: bool) -> int:
    """The first bar on which every part has a value."""
    op, *args = e
    first = max((warmup(a, lags=lags) for a in args if isinstance(a, tuple)), default=0)
    if op in WINDOWS or op == "ema":
        first += args[1] - 1
    elif op in {"rsi", "change"}:
        first += args[1]
    elif op == "lag":
        first += args[1] * lags
    elif op in {"crossover", "crossunder"}:
        first += lags
    return first


def values(e: Expression, bars: dict[str, Column]) -> Column:
    """The value of the expression on each bar."""
    op, *args = e
    size = len(bars["close"])
    if op in bars:
        column = bars[op]
    elif op == "number":
        column = [float(args[0])] * size
    elif op == "lag":
        column = values(args[0], bars)
        column = ([False if isinstance(column[0], bool) else None] * args[1] + column)[:size]
    elif op in {"ema", "rsi"}:
        column = {"ema": ema, "rsi": rsi}[op](values(args[0], bars), args[1])
    elif op == "change":
        column = values(("-", args[0], ("lag", *args)), bars)
    elif op in WINDOWS:
        x, n = values(args[0], bars), args[1]
        windows = [x[max(i - n + 1, 0) : i + 1] for i in range(size)]
        column = [None if len(w) < n or None in w else window(op, w) for w in windows]
    elif op in {"crossover", "crossunder"}:
        sign, other = (">", "<=") if op == "crossover" else ("<", ">=")
        column = values(("and", (sign, *args), (other, ("lag", args[0], 1), ("lag", args[1], 1))), bars)
    else:
        column = [operate(op, row) for row in zip(*(values(a, bars) for a in args), strict=True)]
    return column


def total(w: Sequence[float]) -> float:
    """Additions in order."""
    result = 0.0
    for value in w:
        result += value
    return result


def window(op: str, w: list[float]) -> float:
    """A function of one full window."""
    mean = total(w) / len(w)
    if op == "stddev":
        return math.sqrt(total([(v - mean) * (v - mean) for v in w]) / len(w))
    return {"sma": mean, "highest": max(w), "lowest": min(w)}[op]


def ema(x: Column, n: int) -> Column:
    """Seeded with the first value, hidden until the n-th; missing bars passed over."""
    out: Column = [None] * len(x)
    seen = [i for i, v in enumerate(x) if v is not None]
    state: Any = None
    for k, i in enumerate(seen):
        state = x[i] if k == 0 else 2 / (n + 1) * x[i] + (1 - 2 / (n + 1)) * state
        out[i] = state if k >= n - 1 else None
    return out


def rsi(x: Column, n: int) -> Column:
    """Wilder: the mean of n moves first, then (old * (n - 1) + new) / n; missing bars passed over."""
    out: Column = [None] * len(x)
    seen = [i for i, v in enumerate(x) if v is not None]
    moves = [(i, x[i] - x[j]) for j, i in pairwise(seen)]
    for k, (i, _) in enumerate(moves):
        if k < n - 1:
            continue
        if k == n - 1:
            up, down = (total([max(s * m, 0.0) for _, m in moves[:n]]) / n for s in (1, -1))
        else:
            up, down = (up * (n - 1) + max(moves[k][1], 0.0)) / n, (down * (n - 1) + max(-moves[k][1], 0.0)) / n
        out[i] = 100 * up / (up + down) if up + down > 0 else None
    return out


def operate(op: str, row: tuple[Any, ...]) -> Any:
    """One operator on one bar: what is missing makes a number missing and a comparison false."""
    a, b = row[0], row[-1]
    if op in {"and", "or", "not"}:
        return {"and": a and b, "or": a or b, "not": not a}[op]
    if op in {"+", "-", "*", "/"}:
        if a is None or b is None or (op == "/" and b == 0):
            return None
        return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[op]
    return a is not None and b is not None and {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b, "!=": a != b}[op]

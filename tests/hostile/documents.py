"""Strategies to start from: sound ones of every sort, and ones that are as costly as the caps allow."""

from collections.abc import Callable
from random import Random
from typing import Any

from deploy.demo.seeding import templates
from services.backtest.core.language.functions import PUBLIC, SERIES, Argument, Role
from services.backtest.core.sweep.tests import documents as swept
from services.backtest.tests.fakes import SMA_CROSS

Document = dict[str, Any]

_DEMO = [template["spec"] for template in templates()]
_NUMBERS = ("0", "1", "0.5", "14", "100", "1e-9", "1e300", "a", "k", "-k", "a / b", "2 ** a", "k ** 0.5")
_LENGTHS = ("1", "2", "3", "20", "a", "b", "a + b", "max(a, b) * 2", "5000")
_SIGNS = ("+", "-", "*", "/", "%", "**")


def sound(random: Random) -> Document:
    """A strategy that is meant to be valid; its own defaults may make it impossible."""
    sort = random.random()
    if sort < 0.1:
        return dict(random.choice(_DEMO))
    if sort < 0.2:
        return dict(SMA_CROSS)
    if sort < 0.6:
        return swept.document(random.getrandbits(32))
    if sort < 0.95:
        return _of_any_function(random)
    return costly(random)


def _of_any_function(random: Random) -> Document:
    document = swept.document(random.getrandbits(32))
    for rule in ("entry_long", "exit_long", "entry_short", "exit_short"):
        if rule in document and random.random() < 0.7:
            document[rule] = _condition(random, 2)
    document["let"] = {**document["let"], "g": _number(random, 2)}
    document[random.choice(("stop_loss", "take_profit", "trailing_stop"))] = f"abs({_number(random, 1)}) / close"
    return document


def _condition(random: Random, depth: int) -> str:
    if depth == 0 or random.random() < 0.3:
        sign = random.choice((">", "<", ">=", "<=", "==", "!="))
        return f"({_number(random, depth)} {sign} {random.choice((_number(random, 0), *_NUMBERS))})"
    inner, other = _condition(random, depth - 1), _condition(random, depth - 1)
    return random.choice(
        (
            f"({inner} and {other})",
            f"({inner} or not {other})",
            f"{inner}[{random.randint(0, 3)}]",
            f"rising({_number(random, 1)}, {random.choice(_LENGTHS)})",
            f"crossover({_number(random, 1)}, {_number(random, 0)})",
            f"(20 < {_number(random, 1)} < {_number(random, 0)})",
        )
    )


def _number(random: Random, depth: int) -> str:
    if depth == 0:
        return random.choice(SERIES)
    if random.random() < 0.25:
        sign = random.choice(_SIGNS)
        return f"({_number(random, depth - 1)} {sign} {random.choice((_number(random, depth - 1), *_NUMBERS))})"
    function = random.choice([f for f in PUBLIC.values() if f.name not in {"rising", "falling"} | _CROSSES])
    return f"{function.name}({', '.join(_argument(random, each, depth - 1) for each in function.arguments)})"


_CROSSES = {"crossover", "crossunder"}


def _argument(random: Random, argument: Argument, depth: int) -> str:
    if argument.role is Role.LENGTH:
        return random.choice(_LENGTHS)
    if argument.role is Role.NUMBER:
        return random.choice(("0.02", "0.2", "1", "k"))
    if argument.role is Role.CONDITION:
        return _condition(random, min(depth, 1))
    return _number(random, depth)


def costly(random: Random) -> Document:
    """A document at one of the caps, just below it or just above."""
    return random.choice(_COSTLY)(random)


def _towers(random: Random) -> Document:
    function = random.choice(("tema", "hma", "zscore", "dema", "ema", "stddev", "highest", "adx"))
    depth = random.choice((5, 30, 62, 63, 64, 65))
    text = "close"
    for level in range(depth):
        text = f"{function}({text}, {level % 7 + 2})" if function != "adx" else f"max({text}, adx({level + 1}))"
    return {"entry_long": f"{text} > 0"}


def _chains(random: Random) -> Document:
    """Operators in a row."""
    sign, part = random.choice(
        (("and", "close > 1"), ("or", "close"), ("+", "close"), ("**", "2"), ("**", "close"), ("<", "close"),
         ("*", "1e300"), ("%", "close"), ("and not", "true"), ("-", "-1"), ("or", "close > open"), ("", "x"))
    )  # fmt: skip
    text = f" {sign} ".join([part] * random.choice((3, 60, 120, 249, 250, 251, 400)))
    return {"entry_long": random.choice((text, f"({text}) > 0", f"close > ({text})"))}


def _doubling(random: Random) -> Document:
    """Each name uses the one before twice."""
    first, step = random.choice(
        (("close", "{0} * {0}"), ("close > open and open > 1", "{0} and {0}"), ("close", "max({0}, {0}[1])"),
         ("close > open or low > 1", "not {0} or {0}[1] or {0}"), ("close", "{0}[5000]"), ("close", "sma({0}, 5000)"),
         ("2", "{0} ** {0}"), ("close", "tema({0}, 2) + tema({0}, 3)"), ("close > 1", "{0} and {0} or {0}"))
    )  # fmt: skip
    count = random.choice((4, 9, 30, 62, 63, 64))
    lets = {"v0": first} | {f"v{i}": step.format(f"v{i - 1}") for i in range(1, count)}
    last = f"v{count - 1}"
    return {"let": lets, "entry_long": random.choice((last, f"{last} > 1", f"crossover({last}, close)"))}


def _many(random: Random) -> Document:
    """As many names, constraints and parts as there may be, or one more."""
    params = {
        f"p{'_' * random.choice((1, 28))}{i}": {"type": "int", "min": 1, "max": 5000, "default": i + 1}
        for i in range(random.choice((1, 31, 32, 33)))
    }
    names = list(params)
    constraints = [f"{random.choice(names)} < {random.choice(names)} + 9999" for _ in range(random.choice((0, 32, 33)))]
    window = random.choice(("sma", "stddev", "percentrank", "zscore", "correlation", "hma", "bb_width"))
    rest = {"correlation": ", open", "bb_width": ""}.get(window, "")
    end = ", 2" if window == "bb_width" else ""
    lets = {
        f"v{i}": " + ".join(f"{window}(close{rest}, {random.choice((*names, '5000'))}{end})" for _ in range(4))
        for i in range(random.choice((1, 20, 63, 64, 65)))
    }
    return {"params": params, "constraints": constraints, "let": lets, "entry_long": " + ".join(lets) + " > 1"}


def _unknown(random: Random) -> Document:
    """As many faults as can be, each of which looks for what was meant."""
    count = random.choice((10, 49, 60, 200))
    name = random.choice(("smaa", "closse", "x" * 64, "x" * 65, "hihgest_bras", "_sma", "f"))
    text = " + ".join(random.choice((name, f"{name}(close, 3)", f"sma({name}, 2)")) for _ in range(count))
    return {"let": {f"v{i}": text for i in range(random.choice((1, 5, 64)))}, "entry_long": f"{text} > 1"}


def _brackets(random: Random) -> Document:
    """Nested as deep as is read, closed or not."""
    left, right = random.choice(
        (("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("-", ""), ("not ", ""), ("close[", "]"), ("{1: ", "}"),
         ("lambda: ", ""), ("[x for x in ", "]"), ("(x := ", ")"), ("1 if 1 else ", ""), ("f'{", "}'"), ("(*", ",)"))
    )  # fmt: skip
    depth = random.choice((3, 30, 63, 64, 65, 200, 1990))
    return {"entry_long": left * depth + "close" + right * random.choice((0, depth, depth - 1))}


_COSTLY: tuple[Callable[[Random], Document], ...] = (_towers, _chains, _doubling, _many, _unknown, _brackets)

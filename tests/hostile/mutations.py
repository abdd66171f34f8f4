"""Damage to a JSON document, as its author's slips and an attacker's patience do it; the same seed does the same."""

import json
import math
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from services.backtest.files.tests.mutations import BYTES, damaged

KEYS = (
    "params", "constraints", "let", "entry_long", "exit_long", "entry_short", "exit_short", "stop_loss", "take_profit",
    "trailing_stop", "sizing", "type", "min", "max", "default", "choices", "method", "value", "window", "fast", "slow",
    "f", "s", "a", "b", "k", "close", "__class__", "", "~/", "x" * 33, "x" * 3000, "\u202eentry_long", "entry_long\0",
    "\ud800", "entry_lo\u0301ng", "\uff45ntry_long",
)  # fmt: skip
TOKENS = (
    "close", "sma", "crossover", "(", ")", "[", "]", "[-1]", "[5000]", "[5001]", "[0]", "[1.5]", "[True]", "[a]", ",",
    "and", "or", "not", "**", "*", "/", "//", "%", "+", "-", "<", "==", "=", "!=", "!", "&", "|", "^", "~", "<<", "@",
    ":=", ":", ";", ".", "..", "...", "?", "$", "`", "#", "\\", "'", '"', "'''", "0", "1", "-1", "0.0", "1e308",
    "1e309", "1e-400", "9" * 400, "1_0", "0x10", "0b1", "0o7", "1j", "1e", "1if", "5000", "5001", "nan", "inf",
    "None", "True", "true", "false", "lambda", "lambda x: x", "if", "else", "for", "in", "is", "await", "yield",
    "f'{close}'", "b'x'",
    "'fast'", "__import__('os')", "close.real", "().__class__", "print", "exec", "x for x in y", "*close", "**close",
    "n=3", "\0", "\n", "\t", "\r", "\x0c", "\xa0", "\u202e", "\u0661\u0662", "\uff11", "\u0301", "\ufeff", "\u2028",
    "\U0001f980", "\u2212", "\xb2", "\u212f", "sma(close, 3)", "a", "b", "k", "f", "s", "on", "mode", "e", "E",
)  # fmt: skip
NUMBERS: tuple[float, ...] = (
    0, -0.0, 1, -1, 2, 0.5, 1.5, 5000, 5001, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, -(10**400), 1e308, -1e308,
    1e-308, 5e-324, 1e-400, math.inf, -math.inf, math.nan, 0.1 + 0.2, 1e15, 1e16, 1e22,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-0", "nan", "NaN", "Infinity", "1e999", "null", "true", "close", "close > 1", "crossover(f, s)",
    "2 * atr(14) / close", "int", "float", "bool", "choice", "percent_equity", "volatility_target", "x" * 2001,
    "(" * 2000, "\0", "\ud83e\udd80", "\udc00", "\u202eesolc", "clo\u0301se", "\uff13", "a" * 100_000,
)  # fmt: skip
_TOKEN = re.compile(r"\w+|\*\*|[<>=!]=|\S")

Mutation = Callable[[Random, Any], Any]


def any_value(random: Random, depth: int = 3) -> Any:  # any JSON value
    """A JSON value of any shape, with the keys and texts of strategies in it more often than chance would have it."""
    sort = random.random()
    if depth == 0 or sort < 0.5:
        return random.choice((None, True, False, random.choice(NUMBERS), random.choice(TEXTS), random.choice(TOKENS)))
    size = random.choice((0, 1, 1, 2, 3, 8, 40 if depth > 2 else 2))
    if sort < 0.65:
        return [any_value(random, depth - 1) for _ in range(size)]
    return {random.choice(KEYS): any_value(random, depth - 1) for _ in range(size)}


def any_document(random: Random) -> Any:
    """A JSON value in the place of a strategy: mostly with its keys, seldom with what belongs under them."""
    if random.random() < 0.2:
        return any_value(random)
    document = {random.choice(KEYS[:11]): any_value(random) for _ in range(random.randint(1, 11))}
    return {"entry_long": "close > open", **document} if random.random() < 0.5 else document


def changed(random: Random, document: Any) -> Any:
    """A copy of the document after one to four mutations."""
    made = json.loads(json.dumps(document))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        made = random.choice(_MUTATIONS)(random, made)
    return made


def spelled(random: Random, value: Any) -> bytes:
    """The value as JSON, and now and then as what is not quite JSON."""
    text = json.dumps(value, ensure_ascii=random.random() < 0.5, separators=random.choice(((",", ":"), (", ", ": "))))
    if random.random() < 0.5:
        # What Python writes for these is no JSON; these are numbers beyond a float64.
        text = text.replace("-Infinity", "-1e999").replace("Infinity", "1e999").replace("NaN", "-0e-999")
    sort = random.random()
    if sort < 0.05:
        text = _twice(random, text)
    elif sort < 0.08:
        depth = random.choice((10, 900, 1100, 30_000))
        text = text.replace("null", "[" * depth + "]" * depth, 1)
    content = text.encode("utf-8", "surrogatepass")
    return damaged(random, content, BYTES) if 0.08 <= sort < 0.2 else content


def _twice(random: Random, text: str) -> str:
    """An object's key given twice, with something else under it."""
    key = random.choice(KEYS[:11])
    return text.replace("{", f"{{{json.dumps(key)}: {json.dumps(random.choice(TEXTS))}, ", random.randint(1, 2))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the document with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _at_a_place(change: Mutation) -> Mutation:
    """`change` of what stands somewhere in the document."""

    def mutation(random: Random, document: Any) -> Any:
        places = list(_places(document))
        if places:
            container, key = random.choice(places)
            container[key] = change(random, container[key])
        return document

    return mutation


def _of_a_text(change: Callable[[Random, str], str]) -> Mutation:
    """`change` of one of the document's texts."""

    def mutation(random: Random, document: Any) -> Any:
        places = [(container, key) for container, key in _places(document) if isinstance(container[key], str)]
        if places:
            container, key = random.choice(places)
            container[key] = change(random, container[key])
        return document

    return mutation


def _other_key(random: Random, document: Any) -> Any:
    containers = [container for container, _ in _places(document) if isinstance(container, dict) and container]
    if containers:
        container = random.choice(containers)
        value = container.pop(random.choice(list(container)))
        if random.random() < 0.8:
            container[random.choice((random.choice(KEYS), f"x{random.randrange(99)}"))] = value
    return document


def _further_key(random: Random, document: Any) -> Any:
    containers = [container for container, _ in _places(document) if isinstance(container, dict)]
    if containers:
        random.choice(containers)[random.choice(KEYS)] = any_value(random, 2)
    return document


def _other_token(random: Random, text: str) -> str:
    found = list(_TOKEN.finditer(text))
    if not found:
        return random.choice(TOKENS)
    place = random.choice(found)
    other = random.choice((random.choice(TOKENS), random.choice(found).group()))
    return text[: place.start()] + other + text[place.end() :]


def _further_token(random: Random, text: str) -> str:
    place = random.randint(0, len(text))
    return f"{text[:place]}{random.choice((' ', ''))}{random.choice(TOKENS)} {text[place:]}"


def _without_a_token(random: Random, text: str) -> str:
    found = list(_TOKEN.finditer(text))
    if not found:
        return text
    place = random.choice(found)
    return text[: place.start()] + text[place.end() :]


def _repeated(random: Random, text: str) -> str:
    start = random.randint(0, len(text))
    return text[:start] + text[start : start + random.randint(1, 20)] * random.choice((2, 3, 50)) + text[start:]


_MUTATIONS: tuple[Mutation, ...] = (
    _at_a_place(lambda random, _: any_value(random, 2)),
    _at_a_place(lambda random, _: random.choice(NUMBERS)),
    _at_a_place(lambda random, _: random.choice(TEXTS)),
    _other_key,
    _further_key,
    _of_a_text(_other_token),
    _of_a_text(_other_token),
    _of_a_text(_further_token),
    _of_a_text(_without_a_token),
    _of_a_text(_repeated),
)

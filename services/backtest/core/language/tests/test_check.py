"""Checking a strategy document."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.backtest.core.language import CheckedSpec, InvalidSpec, SpecError, check_spec
from services.backtest.core.language.functions import FUNCTIONS, PUBLIC, SERIES, Role
from tests.depth import examples

DOCUMENT: dict[str, Any] = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
        "mode": {"type": "choice", "choices": ["trend", "fade"], "default": "trend"},
    },
    "constraints": ["fast < slow"],
    "let": {"f": "sma(close, fast)", "s": "sma(close, slow)"},
    "entry_long": "crossover(f, s)",
    "exit_long": "crossunder(f, s)",
    "entry_short": None,
    "stop_loss": None,
    "sizing": {"method": "percent_equity", "value": 1.0},
}


def _errors(document: object) -> tuple[SpecError, ...]:
    with pytest.raises(InvalidSpec) as caught:
        check_spec(document)
    return caught.value.errors


def _entry(text: str) -> dict[str, Any]:
    return {**DOCUMENT, "entry_long": text}


def test_a_sound_document_is_accepted() -> None:
    """The example of the design passes, and its warm-up follows from its default lengths."""
    assert check_spec(DOCUMENT).warmup_bars == 20


# Each fault once: the text, the column it is at on line 1, and what the message must say to do.
FAULTS = {
    "emaa(close, 3) > 2": (1, "unknown function `emaa`; did you mean `ema`?"),
    "EMA(close, 3) > 2": (1, "unknown function `EMA`; did you mean `ema`?"),
    "close > opne": (9, "unknown name `opne`; did you mean `open`?"),
    "close > fsat": (9, "unknown name `fsat`; did you mean `fast`?"),
    "close > sma": (9, "`sma` is a function; write `sma(x, n)`"),
    "close(1) > 2": (1, "`close` is not a function; write `close`, or `close[1]` for its value one bar ago"),
    "sma(close) > 1": (1, "`sma` takes 2 arguments and 1 is given; write `sma(x, n)`"),
    "bb_middle(close) > 1": (1, "`bb_middle` takes 2 to 3 arguments and 1 is given; write `bb_middle(x, n, k)`"),
    "sma(close, n=3) > 1": (1, "arguments are given in order and without names; write `sma(x, n)`"),
    "sma(*close) > 1": (1, "arguments are given in order and without names; write `sma(x, n)`"),
    "sma(3, 3) > 1": (5, "`x` of `sma` must be a series of numbers such as `close`, and this is a single number"),
    "sma(close, open) > 1": (
        12,
        "`n` of `sma` must be a whole number or a param, and this is a series of numbers",
    ),
    "sma(close, 0) > 1": (12, "`n` of `sma` is 0; it must be a whole number from 1 to 5000"),
    "sma(close, fast / 4) > 1": (12, "`n` of `sma` is 2.5; it must be a whole number from 1 to 5000"),
    "macd(close, 12, 5001) > 1": (17, "`slow` of `macd` is 5001; it must be a whole number from 1 to 5000"),
    "smaa(close, 3) > 1": (1, "unknown function `smaa`; did you mean `sma`?"),
    "_balance(close, volume) > 1": (1, "unknown function `_balance`; did you mean `variance`?"),
    "obv(3) > 1": (1, "`obv` takes no arguments and 1 is given; write `obv()`"),
    "atr() > 1": (1, "`atr` takes 1 argument and none are given; write `atr(n)`"),
    "close > obv": (9, "`obv` is a function; write `obv()`"),
    "slope(close, 1) > 1": (14, "`n` of `slope` is 1; it must be a whole number from 2 to 5000"),
    "sma(close, 1) > slope(close, 1)": (30, "`n` of `slope` is 1; it must be a whole number from 2 to 5000"),
    "hma(close, 1) > 1": (12, "`n` of `hma` is 1; it must be a whole number from 2 to 5000"),
    "valuewhen(close > open, low, -1) > 1": (30, "`k` of `valuewhen` is -1; it must be a whole number from 0 to 5000"),
    "psar(0.02, 2) > 1": (12, "`max` of `psar` is 2; it must be a number from 0 to 1"),
    "psar(low, 0.2) > 1": (6, "`step` of `psar` must be a single number or a param, and this is a series of numbers"),
    "barssince(close) > 1": (
        11,
        "`cond` of `barssince` must be a condition such as `close > open`, and this is a series of numbers",
    ),
    "barssince(mode == 'fade') > 1": (
        11,
        "`cond` of `barssince` must be a condition such as `close > open`, and this is a single true or false",
    ),
    "rising(close > 1, 3)": (8, "`x` of `rising` must be a series of numbers such as `close`, and this is a condition"),
    "max(close, open > 1) > 1": (12, "`b` of `max` must be a number or a series of numbers, and this is a condition"),
    "rising(close, 3) > 1": (20, "cannot compare a condition with a single number; compare numbers with numbers, "
                                 "and use a condition as it is, with `and`, `or` or `not`"),
    "close > log(0)": (9, "0 is not above 0 and has no logarithm"),
    "close > sqrt(fast - 20)": (9, "-10 is below 0 and has no square root"),
    "close[-1] > 1": (7, "`x[n]` is x as it was n bars ago; write a whole number from 0 to 5000 for n"),
    "close[fast] > 1": (7, "`x[n]` is x as it was n bars ago; write a whole number from 0 to 5000 for n"),
    "close[5001] > 1": (7, "`x[n]` is x as it was n bars ago; write a whole number from 0 to 5000 for n"),
    "close[4000][4000] > 1": (13, "this reaches back 8000 bars, 5000 are allowed"),
    "fast[1] > 1": (1, "this is a single number, the same on every bar; take the `[1]` out"),
    "close && open": (7, "`&&` is not part of the language; write `and`"),
    "close > 1 & open > 1": (11, "`&` is not part of the language; write `and`"),
    "close = 3": (7, "`=` is not part of the language; write `==` to compare; a name is given under `let`"),
    "!(close > 3)": (1, "`!` is not part of the language; write `not`"),
    "close > 3 ? 1 : 2": (11, "`?` is not part of the language; there is no `? :`; combine conditions with "
                              "`and`, `or` and `not`"),
    "close is open": (7, "`is` is not part of the language; write `==`"),
    "close ^ 2 > 1": (7, "`^` is not part of the language; write `**` for a power"),
    "close > 3 and": (14, "something is missing here; finish the expression"),
    "close > 1if": (10, "write `1` as a decimal number, with a space before what follows"),
    "close > .5if": (11, "write `.5` as a decimal number, with a space before what follows"),
    "close > 0.5.5for 5": (14, "write `.5` as a decimal number, with a space before what follows"),
    "close > 0x1F": (10, "write `0` as a decimal number, with a space before what follows"),
    "close > 1j": (10, "write `1` as a decimal number, with a space before what follows"),
    "close > é": (9, "the character '\\xe9' is not part of the language; take it out"),
    "close > 1 # why": (11, "the character '#' is not part of the language; take it out"),
    "close.mean > 1": (1, "nothing has attributes; write a name or a function call on its own"),
    "close > 1 if open > 1 else open > 2": (
        1,
        "`if ... else` is not part of the language; combine conditions with `and`, `or` and `not`",
    ),
    "[close]": (1, "this is not part of the language; write numbers, names, operators and function calls"),
    "(lambda: 1)()": (1, "only the functions of the language can be called, by their name"),
    "__import__('os')": (1, "unknown function `__import__`"),
    "close": (1, "this is a series of numbers, not a condition; compare it, as in `close > sma(close, 20)`"),
    "close and open > 1": (1, "`and` needs conditions such as `close > open`, and this is a series of numbers"),
    "-(close > 1) > 2": (3, "`-` needs numbers, and this is a condition"),
    "close > (open > 3)": (10, "cannot compare a series of numbers with a condition; compare numbers with numbers, "
                               "and use a condition as it is, with `and`, `or` or `not`"),
    "mode == 'fad'": (9, "`mode` is never 'fad'; it is one of 'trend', 'fade'; did you mean `fade`?"),
    "mode > 'fade'": (8, "texts have no order; write `==` or `!=` instead of `>`"),
    "close > 1 / 0": (9, "this divides by zero"),
    "close > (-8) ** 0.5": (9, "a negative number has no such power"),
    "close > 9 ** 9 ** 9": (9, "this number is too large"),
    "": (1, "this is empty; write an expression such as `close > sma(close, 20)`, or null"),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_with_its_place_and_its_cure(text: str) -> None:
    """One fault is one message: pointer, line, column, and what to write instead."""
    column, message = FAULTS[text]
    assert _errors(_entry(text)) == (SpecError("/spec/entry_long", message, 1, column),)


def test_lines_and_columns_count_white_space() -> None:
    """In a text of several lines the place is the one an editor shows."""
    (error,) = _errors(_entry("\n  close >\n    smaa(close, 3)"))
    assert (error.line, error.column) == (3, 5)


def test_every_fault_is_found_at_once() -> None:
    """Faults in all parts of a document come in one answer, each with its pointer, and none causes another."""
    document = {
        "params": {"fast": {"type": "int", "min": 9, "max": 2, "default": 3}, "close": {"type": "bool"}, "n": 3},
        "constraints": ["n < 3", "close > 1"],
        "let": {"f": "sma(close, fast) + nope", "g": "f + later", "later": "close", "sma": "close"},
        "entry_long": "g > f and cloze > 1",
        "exit_short": "close > 1",
        "take_profit": "0.1 * nothing",
        "sizing": {"method": "all_in", "value": 3},
        "entry_lnog": "close > 1",
        "a/b~c": 1,
    }
    assert {(error.pointer, error.column) for error in _errors(document)} == {
        ("/spec/entry_lnog", None),
        ("/spec/a~1b~0c", None),
        ("/spec/params/fast/min", None),
        ("/spec/params/close", None),
        ("/spec/params/n", None),
        ("/spec/let/sma", None),
        ("/spec/let/f", 20),
        ("/spec/let/g", 5),
        ("/spec/constraints/1", 1),
        ("/spec/entry_long", 11),
        ("/spec/exit_short", None),
        ("/spec/take_profit", 7),
        ("/spec/sizing/method", None),
    }


def test_a_default_that_breaks_a_constraint_is_a_fault() -> None:
    """Constraints hold for the defaults, or the strategy is refused with the values that break them."""
    (error,) = _errors({**DOCUMENT, "constraints": ["fast >= slow"]})
    assert error.pointer == "/spec/constraints/0"
    assert error.message.startswith("`fast >= slow` does not hold with fast = 10, slow = 20")


@pytest.mark.parametrize("number", ["1e3", "1E+3", "1_000", "1000.", "10e2", "1000.0e0"])
def test_numbers_are_decimal(number: str) -> None:
    """Every way to write a decimal number is the same number."""
    assert check_spec(_entry(f"close > {number}")).spec_hash == check_spec(_entry("close > 1000")).spec_hash


@pytest.mark.parametrize("document", [None, [], "close > 1", 3, {1: 2}, {}])
def test_what_is_no_strategy_is_refused(document: object) -> None:
    """Any other JSON value, and a strategy that never trades, have one fault at the root."""
    (error,) = _errors(document)
    assert error.pointer == "/spec"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("close > " + "1" * 2000, "this is 2008 characters long, 2000 are allowed"),
        ("(" * 200 + "close" + ")" * 200, "over 64 brackets are open here; give parts names under `let`"),
        ("-" * 400 + "1 > close", "this is too large (over 64 levels); give its parts names under `let`"),
        ("not " * 499 + "true", "this is too large (over 64 levels); give its parts names under `let`"),
        (
            " or ".join(["a>1"] * 200),
            "this is too large (601 parts, 500 are allowed); give its parts names under `let`",
        ),
    ],
)
def test_texts_are_capped(text: str, message: str) -> None:
    """Too long, too deep or too many parts is refused, before names are even looked up."""
    assert [error.message for error in _errors(_entry(text))] == [message]


def test_the_whole_document_is_capped() -> None:
    """Many expressions that are each within bounds are not, together; and so are params and lets."""
    many = " + ".join(["close"] * 60)
    (error,) = _errors({**DOCUMENT, "let": {f"v{i}": many for i in range(20)}, "entry_long": "close > 1",
                        "exit_long": None})[:1]  # fmt: skip
    assert error.message == "the strategy has over 2000 parts up to here; make it smaller"
    (error,) = _errors({"let": {f"v{i}": "close" for i in range(65)}, "entry_long": "close > 1"})
    assert error == SpecError("/spec/let", "there are 65 entries, 64 are allowed")
    param = {"type": "bool", "default": True}
    (error,) = _errors({"params": {f"p{i}": param for i in range(33)}, "entry_long": "close > 1"})
    assert error == SpecError("/spec/params", "there are 33 entries, 32 are allowed")


def test_lets_that_double_do_not_explode() -> None:
    """A chain of lets that each use the one before twice stays as small as it is written."""
    lets = {"v0": "close"} | {f"v{i}": f"v{i - 1} * v{i - 1}" for i in range(1, 60)}
    assert len(check_spec({"let": lets, "entry_long": "v59 > 1"}).bind().nodes) < 70


def test_conditions_that_double_are_refused() -> None:
    """An `and` inside another is spelled out, so a chain of lets that double one is refused before it is large."""
    lets = {"v0": "close > open and close > low"} | {f"v{i}": f"v{i - 1} and v{i - 1}" for i in range(1, 60)}
    document = {"let": lets, "entry_long": "v59"}
    assert _errors(document) == (SpecError("/spec/let/v8", "this `and` joins 512 conditions, 500 are allowed", 1, 1),)
    assert check_spec({"let": {name: lets[name] for name in list(lets)[:8]}, "entry_long": "v7"})


def test_the_search_for_faults_ends() -> None:
    """A document full of faults gets the first fifty."""
    broken = " + ".join(f"unknown{i}" for i in range(60))
    assert len(_errors(_entry(f"{broken} > 1"))) == 50


def test_a_checked_strategy_can_be_sent_to_another_process() -> None:
    """Pickling keeps it whole."""
    spec = check_spec(DOCUMENT)
    assert pickle.loads(pickle.dumps(spec)).bind() == spec.bind()


ARGUMENTS = {
    Role.SERIES: "close",
    Role.VALUE: "open",
    Role.CONDITION: "close > open",
    Role.LENGTH: "3",
    Role.NUMBER: "0.5",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_can_be_called_as_its_call_form_says(name: str) -> None:
    """Every entry of the registry, formulas included, gives a sound strategy, with a param for a number as well."""
    written = [ARGUMENTS[argument.role] for argument in PUBLIC[name].arguments]
    text = f"{name}({', '.join(written)})"
    compared = "" if PUBLIC[name].unit == "true or false" else " > 1"
    plain = check_spec({"entry_long": text + compared})
    assert plain.warmup_bars >= 1
    params = {"p": {"type": "float", "default": 0.5}, "n": {"type": "int", "default": 3}}
    with_params = text.replace("0.5", "p").replace("3", "n")
    assert check_spec({"params": params, "entry_long": with_params + compared}).bind().nodes == plain.bind().nodes


def test_functions_of_single_numbers_are_worked_out() -> None:
    """What is the same on every bar is a number before any bar is looked at, in lengths too."""
    folded = "max(abs(-3), 2) + min(4, 5) + sqrt(16) + sign(-2) + log(1)"
    assert check_spec(_entry(f"close > {folded}")).spec_hash == check_spec(_entry("close > 10")).spec_hash
    spec = check_spec(_entry("close > sma(close, max(fast, 15) + sqrt(25))"))
    assert [spec.bind(params).warmup_bars for params in ({}, {"fast": 18})] == [20, 23]


words = st.sampled_from(
    [*FUNCTIONS, *SERIES, "and", "or", "not", "(", ")", "[", "]", ",", "1", "3", "0.5", ">", "<", "==", "+", "-", "*",
     "/", "%", "**", "fast", "f", "mode", "'fade'", "true", " ", "\n", ".", "lambda", ":", "if", "else", "{", "}"]
)  # fmt: skip


@settings(max_examples=examples(250), deadline=None)
@given(st.text(max_size=200) | st.lists(words, max_size=40).map(" ".join))
@example("\x00")
@example("\ud800")
@example("1if 2else 3")
@example("close > 0777")
def test_no_text_brings_the_parser_down(text: str) -> None:
    """Whatever is written, the answer is a strategy or the faults in it, each with a place and a message."""
    try:
        assert isinstance(check_spec(_entry(text)), CheckedSpec)
    except InvalidSpec as invalid:
        for error in invalid.errors:
            assert error.message
            assert error.line is None or (error.line >= 1 and (error.column or 0) >= 1)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=examples(150), deadline=None)
@given(st.dictionaries(st.sampled_from([*DOCUMENT, "exit_short", "take_profit"]), values, max_size=5) | values,
       st.dictionaries(st.sampled_from(["type", "min", "max", "default", "choices"]), values | st.sampled_from(
           ["int", "float", "bool", "choice"])))  # fmt: skip
def test_no_document_brings_it_down(document: object, param: object) -> None:
    """Whatever JSON a document is made of, the answer is a strategy or faults that JSON can carry."""
    if isinstance(document, dict):
        document = {**document, "params": {"p": param}}
    try:
        check_spec(document)
    except InvalidSpec as invalid:
        json.dumps([[error.pointer, error.message] for error in invalid.errors])


def test_the_language_needs_no_engine() -> None:
    """Importing it, and checking a strategy, loads neither numba nor numpy."""
    program = (
        "import sys; from services.backtest.core.language import check_spec; from services.backtest.core import "
        "execution, identity; check_spec({'entry_long': 'rsi(close, 14) < 30'}); "
        "assert not {'numba', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[5], check=True)

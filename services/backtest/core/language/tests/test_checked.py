"""Binding a checked strategy to param values."""

from typing import Any

import pytest

from services.backtest.core.language import InvalidParams, SpecError, check_spec
from services.backtest.core.language.tree import Op

SPEC = check_spec(
    {
        "params": {
            "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
            "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
            "width": {"type": "float", "min": 0.5, "default": 2},
            "filtered": {"type": "bool", "default": False},
            "mode": {"type": "choice", "choices": ["trend", "fade"], "default": "trend"},
            "days": {"type": "choice", "choices": [5, 10], "default": 5},
        },
        "constraints": ["fast < slow"],
        "entry_long": "(mode == 'trend' and sma(close, fast) > sma(close, slow) or "
        "mode == 'fade' and close < bb_lower(close, days, width)) and (not filtered or volume > 1 / (slow - 100))",
    }
)


def _errors(**params: Any) -> tuple[SpecError, ...]:
    with pytest.raises(InvalidParams) as caught:
        SPEC.bind(params)
    return caught.value.errors


def test_defaults_fill_what_is_not_given() -> None:
    """The bound params are whole, each of its declared type."""
    assert SPEC.bind({"fast": 5.0, "width": 1}).params == {
        "fast": 5, "slow": 20, "width": 1.0, "filtered": False, "mode": "trend", "days": 5,
    }  # fmt: skip
    assert SPEC.bind().spec_hash == SPEC.bind({"fast": 3}).spec_hash == SPEC.spec_hash


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"fsat": 3}, ("/params/fsat", "the strategy has no param `fsat`; did you mean `fast`?")),
        ({"fast": 51}, ("/params/fast", "is 51, it must be at most 50")),
        ({"fast": 1}, ("/params/fast", "is 1, it must be at least 2")),
        ({"fast": 2.5}, ("/params/fast", "must be a whole number")),
        ({"fast": True}, ("/params/fast", "must be a whole number")),
        ({"fast": "3"}, ("/params/fast", "must be a whole number")),
        ({"fast": float("nan")}, ("/params/fast", "must be a whole number")),
        ({"slow": 10**400}, ("/params/slow", "must be a whole number")),
        ({"width": float("inf")}, ("/params/width", "must be a number")),
        ({"width": 10**400}, ("/params/width", "must be a number")),
        ({"filtered": 1}, ("/params/filtered", "must be true or false")),
        ({"mode": "fad"}, ("/params/mode", "must be one of 'trend', 'fade'")),
        ({"days": 7}, ("/params/days", "must be one of 5, 10")),
        ({"fast": 30}, ("/params", "the constraint `fast < slow` does not hold with fast = 30, slow = 20")),
        ({"slow": 100}, ("/params", "/spec/entry_long line 1 column 148: this divides by zero")),
    ],
)
def test_values_that_do_not_fit_are_refused(params: dict[str, Any], error: tuple[str, str]) -> None:
    """The pointer names the param, the message what it takes."""
    assert _errors(**params) == (SpecError(*error),)


def test_all_values_are_judged_at_once() -> None:
    """Two wrong values are two errors."""
    assert {error.pointer for error in _errors(fast=0, mode=3)} == {"/params/fast", "/params/mode"}


def test_a_length_the_values_make_impossible_is_refused() -> None:
    """The message names the argument, its place and the value it would have."""
    spec = check_spec({"params": {"n": {"type": "int", "default": 4}}, "entry_long": "close > sma(close, n / 2)"})
    with pytest.raises(InvalidParams) as caught:
        spec.bind({"n": 5})
    assert caught.value.errors[0].message == (
        "/spec/entry_long line 1 column 20: `n` of `sma` is 2.5; it must be a whole number from 1 to 5000"
    )


def test_only_what_the_rules_need_is_left() -> None:
    """Everything with one value for all bars is worked out, and each distinct part is there once."""
    spec = check_spec(
        {
            "params": {"a": {"type": "int", "default": 3}, "b": {"type": "int", "default": 4}},
            "let": {"unused": "rsi(close, 99)"},
            "entry_long": "sma(close, a) > sma(close, b) * (2 + a)",
        }
    )
    calls = [node.op for node in spec.bind().nodes if node.op is Op.CALL]
    assert len(calls) == 2
    nodes = spec.bind({"b": 3}).nodes
    assert [node.op for node in nodes].count(Op.CALL) == 1
    assert {node.value for node in nodes if node.op is Op.CONSTANT} == {3.0, 5.0}
    assert not [node for node in nodes if node.op is Op.PARAM]

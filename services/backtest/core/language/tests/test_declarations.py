"""Declaring params."""

from typing import Any

import pytest

from services.backtest.core.language import InvalidSpec, check_spec

SHAPE = (
    'a param is an object such as {"type": "int", "min": 2, "max": 50, "default": 10}; '
    "its type is int, float, bool or choice"
)
CHOICES = "list 1 to 64 different numbers, or texts of letters, digits, `_`, `.` and `-`"
NAME = "a name is a letter followed by up to 31 letters, digits or underscores, and no word of the language"


@pytest.mark.parametrize(
    ("param", "pointer", "message"),
    [
        (3, "", SHAPE),
        ({"type": "number", "default": 3}, "", SHAPE),
        ({"type": ["int"], "default": 3}, "", SHAPE),
        ({"type": "int"}, "", "give the param a `default`"),
        ({"type": "int", "default": 2.5}, "/default", "must be a whole number"),
        ({"type": "int", "default": True}, "/default", "must be a whole number"),
        ({"type": "int", "default": 2, "min": 3}, "/default", "is 2, it must be at least 3"),
        ({"type": "int", "default": 2, "min": 3, "max": 1}, "/min", "min is 3 and max is 1; swap them"),
        ({"type": "int", "default": 2, "min": "1"}, "/min", "must be a whole number"),
        ({"type": "float", "default": "1"}, "/default", "must be a number"),
        ({"type": "bool", "default": 0}, "/default", "must be true or false"),
        (
            {"type": "bool", "default": True, "min": 0},
            "/min",
            "a param of type bool has no `min`; it has type, default",
        ),
        ({"type": "choice", "default": 1}, "/choices", CHOICES),
        ({"type": "choice", "choices": [], "default": 1}, "/choices", CHOICES),
        ({"type": "choice", "choices": [1, "a"], "default": 1}, "/choices", CHOICES),
        ({"type": "choice", "choices": [1, 1], "default": 1}, "/choices", CHOICES),
        ({"type": "choice", "choices": ["a b"], "default": "a b"}, "/choices", CHOICES),
        ({"type": "choice", "choices": ["a", "b"], "default": "c"}, "/default", "must be one of 'a', 'b'"),
    ],
)
def test_a_declaration_at_fault_is_named(param: Any, pointer: str, message: str) -> None:
    """The pointer leads to the key, the message says what belongs there."""
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"params": {"p": param}, "entry_long": "close > p"})
    assert [(error.pointer, error.message) for error in caught.value.errors] == [(f"/spec/params/p{pointer}", message)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("close", "`close` already has a meaning; choose another name"),
        ("true", "`true` already has a meaning; choose another name"),
        ("ema", "`ema` is a function; choose another name"),
        ("and", NAME),
        ("lambda", NAME),
        ("_x", NAME),
        ("1x", NAME),
        ("", NAME),
        ("ключ", NAME),
        ("x" * 33, NAME),
    ],
)
def test_a_name_that_is_taken_or_no_name_is_refused(name: str, message: str) -> None:
    """Neither params nor lets may shadow a meaning."""
    for part in ({"params": {name: {"type": "bool", "default": True}}}, {"let": {name: "close"}}):
        with pytest.raises(InvalidSpec) as caught:
            check_spec({**part, "entry_long": "close > 1"})
        assert [error.message for error in caught.value.errors] == [message]


def test_a_let_may_not_shadow_a_param() -> None:
    """One name is one thing."""
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"params": {"n": {"type": "int", "default": 3}}, "let": {"n": "close"}, "entry_long": "close > 1"})
    assert [error.message for error in caught.value.errors] == ["`n` is a param; choose another name"]

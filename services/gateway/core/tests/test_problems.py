"""Problem documents and the state of the whole."""

from typing import Literal

import msgspec
import pytest

from services.gateway.core.problems import input_errors, pointer, problem_of
from services.gateway.core.verdict import overall
from shared.contracts.errors import InputError, InvalidSpec

ALL_OK = dict.fromkeys(["bus", "cache", "strategy", "backtest", "invalidator", "metrics"], "ok")


@pytest.mark.parametrize(
    ("source", "key", "message", "expected"),
    [
        ("body", "execution.fee_bps", "Expected `float`", "/execution/fee_bps"),
        ("body", "data", "Object contains unknown field `zz`", "/zz"),
        ("body", "", "Object missing required field `password`", "/password"),
        ("query", "limit", "Expected `int`", "/query/limit"),
        ("body", "a/b", "x", "/a~1b"),
    ],
)
def test_errors_point_at_the_input(source: str, key: str, message: str, expected: str) -> None:
    """Each error names the place in what the client sent, as a JSON pointer."""
    assert pointer(source, key, message) == expected


def test_a_problem_carries_every_input_error() -> None:
    """Lines and columns of a spec's faults arrive at the client."""
    error = InvalidSpec("no", errors=(InputError("/spec/entry_long", "did you mean sma?", 1, 4),))
    problem = problem_of(error, "/api/v1/strategies", "r1")
    assert (problem.type, problem.status) == ("/problems/invalid-spec", 422)
    assert problem.errors[0].column == 4


class Execution(msgspec.Struct):
    """A part of a body."""

    side: Literal["long", "short"] | None = None


class Order(msgspec.Struct):
    """A body."""

    execution: Execution | None = None


@pytest.mark.parametrize(
    ("said", "key", "source", "expected"),
    [
        ("Invalid enum value 'up'", "execution.side", "body", "'up' is none of these: long, short"),
        ("Invalid enum value 'xlsx'", "format", "query", "'xlsx' is none of these: csv, json"),
        ("Invalid RFC3339 encoded date", "start", "body", "write a date such as 2024-01-31"),
        ("Expected `int` >= 1", "limit", "query", "Expected `int` >= 1"),
    ],
)
def test_an_error_says_what_to_write(said: str, key: str, source: str, expected: str) -> None:
    """A text that is none of a few is answered with those, wherever in the body or the query it stands."""
    kinds = {"data": Order, "format": Literal["csv", "json"] | None, "limit": int}
    (error,) = input_errors([{"message": said, "key": key, "source": source}], kinds)
    assert error.message == expected


def test_framework_errors_that_are_no_list_are_no_errors() -> None:
    """An unexpected shape loses the details, never the answer."""
    assert input_errors(None) == ()
    assert input_errors("text") == ()


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        ([], "ok"),
        (["cache"], "degraded"),
        (["metrics", "invalidator"], "degraded"),
        (["strategy"], "degraded"),
        (["strategy", "backtest"], "down"),
        (["bus"], "down"),
    ],
)
def test_the_whole_is_down_only_when_nothing_can_be_served(down: list[str], expected: str) -> None:
    """A lost cache or metrics service degrades; a lost bus, or no service to ask, is down."""
    assert overall(ALL_OK | dict.fromkeys(down, "down")) == expected

"""Grids, as requests spell them."""

from typing import Any

import pytest

from services.backtest.core.sweep.grid import InvalidSpace, read_grid
from services.backtest.core.sweep.tests.strategies import cross

PARAMS = cross().params


def _values(grid: dict[str, Any], *, sampled: bool = False) -> dict[str, tuple[Any, ...]]:
    return {axis.name: axis.values for axis in read_grid(PARAMS, grid, sampled=sampled)}


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"fast": [5, 10.0, 20]}, {"fast": (5, 10, 20)}),
        ({"slow": {"start": 20, "stop": 50, "step": 10}}, {"slow": (20, 30, 40, 50)}),
        ({"slow": {"start": 20, "stop": 49, "step": 10}}, {"slow": (20, 30, 40)}),
        ({"slow": {"start": 20, "stop": 20, "step": 10}}, {"slow": (20,)}),
        ({"share": {"start": 0.1, "stop": 0.7, "step": 0.2}}, {"share": (0.1, 0.3, 0.5, 0.7)}),
        ({"on": [False, True], "mode": ["wild"]}, {"mode": ("wild",), "on": (False, True)}),
        ({}, {}),
    ],
)
def test_what_a_grid_says(given: dict[str, Any], values: dict[str, Any]) -> None:
    """Lists as they are, steps as decimals up to and with the stop, params in the order of their names."""
    assert _values(given) == values
    assert list(_values(given)) == sorted(given)


def test_between_two_ends_is_for_samples() -> None:
    """A float takes any number there, an int each of them."""
    (axis,) = read_grid(PARAMS, {"share": {"min": 0.25, "max": 0.5}}, sampled=True)
    assert (axis.is_span, axis.low, axis.high) == (True, 0.25, 0.5)
    assert _values({"fast": {"min": 3, "max": 5}}, sampled=True) == {"fast": (3, 4, 5)}


@pytest.mark.parametrize(
    ("grid", "pointer", "message"),
    [
        ({"fats": [1]}, "/grid/fats", "the strategy has no param `fats`; did you mean `fast`?"),
        ({"fast": [1, 2, 0]}, "/grid/fast/2", "is 0, it must be at least 1"),
        ({"fast": [1, "2"]}, "/grid/fast/1", "must be a whole number"),
        ({"fast": [2, 1, 2.0]}, "/grid/fast/2", "2.0 is listed twice"),
        ({"fast": []}, "/grid/fast", "there are 0 values; list 1 to 100000"),
        ({"fast": 5}, "/grid/fast", 'list its values, or write {"start": 20, "stop": 200, "step": 10}'),
        ({"on": [1]}, "/grid/on/0", "must be true or false"),
        ({"on": {"start": 0, "stop": 1, "step": 1}}, "/grid/on", "`on` is a bool; list its values"),
        ({"mode": ["calm", "mad"]}, "/grid/mode/1", "must be one of 'calm', 'wild'"),
        ({"slow": {"start": 20, "stop": 501, "step": 10}}, "/grid/slow/stop", "is 501, it must be at most 500"),
        ({"slow": {"start": 20, "stop": 50, "step": 0}}, "/grid/slow/step", "is 0, it must be above 0"),
        ({"slow": {"start": 20, "stop": 50, "step": 0.5}}, "/grid/slow/step", "must be a whole number"),
        ({"slow": {"start": 50, "stop": 20, "step": 1}}, "/grid/slow/stop", "is 20, below the start; swap them"),
        (
            {"share": {"start": 0, "stop": 1, "step": 1e-9}},
            "/grid/share",
            "there are over 100000 values; take a wider step",
        ),
        (
            {"share": {"min": 0.1, "max": 0.2}},
            "/grid/share",
            'list its values, or write {"start": 20, "stop": 200, "step": 10}',
        ),
    ],
)
def test_what_a_grid_cannot_say(grid: dict[str, Any], pointer: str, message: str) -> None:
    """The pointer leads to the value, and the sentence says what to write."""
    with pytest.raises(InvalidSpace) as refused:
        read_grid(PARAMS, grid, sampled=False)
    assert [(error.pointer, error.message) for error in refused.value.errors] == [(pointer, message)]


def test_every_fault_is_named() -> None:
    """All at once, so that one answer is enough to put them right; no more of them than can be read."""
    with pytest.raises(InvalidSpace) as refused:
        read_grid(PARAMS, {"fast": [0, 1, 501], "slow": {"start": 0, "stop": 2, "step": 1}}, sampled=False)
    assert [error.pointer for error in refused.value.errors] == ["/grid/fast/0", "/grid/fast/2", "/grid/slow/start"]
    with pytest.raises(InvalidSpace) as refused:
        read_grid(PARAMS, {"fast": [0] * 1000}, sampled=False)
    assert len(refused.value.errors) == 50


@pytest.mark.parametrize("grid", [None, [], "fast", 3])
def test_a_grid_is_an_object(grid: object) -> None:
    """Anything else is refused, not read as empty."""
    with pytest.raises(InvalidSpace, match="name the params to vary"):
        read_grid(PARAMS, grid, sampled=False)

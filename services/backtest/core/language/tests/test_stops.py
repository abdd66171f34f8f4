"""Stops in a document: numbers, texts, params and expressions."""

from typing import Any

import pytest

from services.backtest.core.language import CheckedSpec, InvalidParams, InvalidSpec, SpecError, check_spec
from services.backtest.core.language.document import FRACTION, STOPS

PARAMS = {"f": {"type": "float", "default": 0.1}, "on": {"type": "bool", "default": True}}


def _checked(**stops: Any) -> CheckedSpec:
    return check_spec(
        {"params": PARAMS, "let": {"width": "highest(high, 9) - low"}, "entry_long": "close > 1", **stops}
    )


def _errors(**stops: Any) -> tuple[SpecError, ...]:
    with pytest.raises(InvalidSpec) as caught:
        _checked(**stops)
    return caught.value.errors


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_is_a_number_or_an_expression(stop: str) -> None:
    """A number, the same as text, a param and a series all have a place among the nodes."""
    for value in (0.1, "0.1", "f", "f / 2 + 0.05", "width / close"):
        strategy = _checked(**{stop: value}).bind()
        assert list(strategy.terms) == [stop]
        node = strategy.nodes[strategy.terms[stop]]
        assert node.kind.is_series if value == "width / close" else node.value == pytest.approx(0.1)


def test_no_stop_is_no_term() -> None:
    """Null is absent."""
    assert _checked(stop_loss=None).bind().terms == {}


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        (0, (1, 1), "`{stop}` is 0; it must be above 0: {fraction}"),
        (-0.05, (1, 1), "`{stop}` is -0.05; it must be above 0: {fraction}"),
        ("f - 0.1", (1, 1), "`{stop}` is 0; it must be above 0: {fraction}"),
        (True, (None, None), "write a number, or an expression as text: {fraction}"),
        ([0.1], (None, None), "write a number, or an expression as text: {fraction}"),
        (float("nan"), (None, None), "write a number, or an expression as text: {fraction}"),
        (10**400, (None, None), "write a number, or an expression as text: {fraction}"),
        (" close > 1", (1, 2), "this is a condition, not a number; write {fraction}"),
        ("on", (1, 1), "this is a single true or false, not a number; write {fraction}"),
        ("'5%'", (1, 1), "this is a text, not a number; write {fraction}"),
        ("atrr / close", (1, 1), "unknown name `atrr`; did you mean `atr`?"),
    ],
)
def test_what_is_no_stop_is_refused(stop: str, value: Any, place: tuple[Any, Any], message: str) -> None:
    """The pointer names the stop, the message says what to write."""
    (error,) = _errors(**{stop: value})
    assert (error.pointer, error.line, error.column) == (f"/spec/{stop}", *place)
    if "unknown" in message:
        assert error.message.startswith("unknown name `atrr`")
    else:
        assert error.message == message.format(stop=stop, fraction=FRACTION)


def test_params_that_make_a_stop_impossible_are_refused() -> None:
    """The strategy is sound; the values of this run are not."""
    with pytest.raises(InvalidParams) as caught:
        _checked(trailing_stop="f").bind({"f": -1})
    assert [error.pointer for error in caught.value.errors] == ["/params"]
    assert "`trailing_stop` is -1; it must be above 0" in caught.value.errors[0].message


def test_the_warm_up_covers_the_stops() -> None:
    """No entry is decided before its stop has a value, and had one before."""
    assert _checked(stop_loss="0.1").warmup_bars == 1
    assert _checked(stop_loss="width / close").warmup_bars == 9
    assert _checked(stop_loss="width[20] / close").warmup_bars == 28


def test_stops_tell_strategies_apart() -> None:
    """Which stop, and how far away, is part of the hash; how it is spelled is not."""
    hashes = {
        _checked(**stops).spec_hash
        for stops in ({}, {"stop_loss": 0.1}, {"stop_loss": 0.2}, {"take_profit": 0.1}, {"trailing_stop": 0.1})
    }
    assert len(hashes) == 5
    assert _checked(stop_loss=0.5).spec_hash == _checked(stop_loss=" 1 / 2").spec_hash
    named = _checked(stop_loss="(highest(high, 9) - low) / close").spec_hash
    assert named == _checked(stop_loss="width / close").spec_hash

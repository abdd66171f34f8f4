"""Sizing in a document."""

from typing import Any

import pytest

from services.backtest.core.language import CheckedSpec, InvalidSpec, check_spec
from services.backtest.core.language.sizing import METHODS, Sizing


def _checked(sizing: Any) -> CheckedSpec:
    return check_spec({"entry_long": "close > 1", "sizing": sizing})


@pytest.mark.parametrize(
    ("given", "sizing"),
    [
        (None, Sizing("percent_equity", 1.0)),
        ({"method": "percent_equity", "value": 0.5}, Sizing("percent_equity", 0.5)),
        ({"method": "fixed_quantity", "value": 10}, Sizing("fixed_quantity", 10.0)),
        ({"method": "fixed_value", "value": 2500.5}, Sizing("fixed_value", 2500.5)),
        ({"method": "volatility_target", "value": 0.15}, Sizing("volatility_target", 0.15, 20)),
        ({"method": "volatility_target", "value": 0.15, "window": 60.0}, Sizing("volatility_target", 0.15, 60)),
        ({"method": "volatility_target", "value": 0.15, "window": None}, Sizing("volatility_target", 0.15, 20)),
    ],
)
def test_a_sizing_is_read(given: Any, sizing: Sizing) -> None:
    """Method, value, and for a volatility target how far it looks back; without any, all of the equity."""
    assert _checked(given).bind().sizing == sizing


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        (3, "", "`sizing` is an object, with text for keys"),
        ({}, "/method", f"no such method; write one of {', '.join(METHODS)}"),
        (
            {"method": "percent_equty", "value": 1},
            "/method",
            f"no such method; did you mean `percent_equity`?; write one of {', '.join(METHODS)}",
        ),
        ({"method": ["fixed_value"], "value": 1}, "/method", f"no such method; write one of {', '.join(METHODS)}"),
        ({"method": "percent_equity"}, "/value", f"write {METHODS['percent_equity']}"),
        ({"method": "percent_equity", "value": 100}, "/value", f"write {METHODS['percent_equity']}"),
        ({"method": "percent_equity", "value": "1"}, "/value", f"write {METHODS['percent_equity']}"),
        ({"method": "fixed_quantity", "value": 0}, "/value", f"write {METHODS['fixed_quantity']}"),
        ({"method": "fixed_value", "value": True}, "/value", f"write {METHODS['fixed_value']}"),
        ({"method": "volatility_target", "value": -0.1}, "/value", f"write {METHODS['volatility_target']}"),
        (
            {"method": "fixed_value", "value": 1, "window": 20},
            "/window",
            "sizing by fixed_value has no `window`; it has method, value",
        ),
        (
            {"method": "volatility_target", "value": 0.1, "window": 1},
            "/window",
            "write how many returns to look back on: a whole number from 2 to 5000",
        ),
        (
            {"method": "volatility_target", "value": 0.1, "window": "20"},
            "/window",
            "write how many returns to look back on: a whole number from 2 to 5000",
        ),
    ],
)
def test_a_sizing_at_fault_is_named(given: Any, pointer: str, message: str) -> None:
    """One fault is one message, with what belongs there."""
    with pytest.raises(InvalidSpec) as caught:
        _checked(given)
    assert [(error.pointer, error.message) for error in caught.value.errors] == [(f"/spec/sizing{pointer}", message)]


def test_the_warm_up_covers_the_returns_a_target_looks_back_on() -> None:
    """Twenty returns take twenty-one closes, and it is decided on the last of them."""
    strategy = _checked({"method": "volatility_target", "value": 0.1}).bind()
    assert list(strategy.terms) == ["volatility"]
    assert strategy.warmup_bars == 20


def test_sizings_tell_strategies_apart() -> None:
    """Method, value and window are part of the hash; the default window is one however it is written."""
    target = {"method": "volatility_target", "value": 0.5}
    sizings = [{"method": method, "value": 0.5} for method in METHODS]
    hashes = {_checked(sizing).spec_hash for sizing in (*sizings, {**target, "window": 21}, {**target, "value": 0.6})}
    assert len(hashes) == len(METHODS) + 2
    assert _checked({**target, "window": 20}).spec_hash == _checked(target).spec_hash

"""Which sweeps share a plan."""

from services.backtest.core.language import check_spec
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.plan import Plan, plan_sweep

CROSS: dict[str, object] = {
    "params": {"fast": {"type": "int", "default": 3}, "slow": {"type": "int", "default": 10}},
    "entry_long": "sma(close, fast) > sma(close, slow)",
}


def _plan(document: dict[str, object], *names: str) -> Plan:
    return plan_sweep(check_spec(document), [Axis(name, (2, 3)) for name in names], ("long", "short"))


def test_a_strategy_that_is_read_anew_has_the_plan_it_had() -> None:
    """A request reads it from its document each time; whatever values its axes have."""
    kept = _plan(CROSS, "fast")
    assert _plan({**CROSS}, "fast") is kept
    assert plan_sweep(check_spec(CROSS), [Axis("fast", (7, 8, 9))], ("long", "short")) is kept


def test_what_is_another_strategy_has_a_plan_of_its_own() -> None:
    """Other axes, other sides, another default of what is not varied, and the same strategy in other words."""
    kept = _plan(CROSS, "fast")
    params = {name: {"type": "int", "default": default} for name, default in (("fast", 3), ("slow", 11))}
    assert _plan(CROSS, "slow") is not kept
    assert _plan({**CROSS, "params": params}, "fast") is not kept
    assert plan_sweep(check_spec(CROSS), [Axis("fast", (2, 3))], ("long",)) is not kept
    other_words = {**CROSS, "let": {"s": "sma(close, slow)"}, "entry_long": "sma(close, fast) > s"}
    assert check_spec(other_words).spec_hash == check_spec(CROSS).spec_hash
    assert _plan(other_words, "fast").spec.tree == check_spec(other_words).tree

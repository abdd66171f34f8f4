"""What a strategy is written as for the sweep's kernel."""

from collections import Counter
from typing import Any

from services.backtest.core.language import check_spec
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.instructions import FLAG, NUMBER, Code
from services.backtest.core.sweep.plan import plan_sweep
from services.backtest.core.sweep.program import Program
from services.backtest.core.sweep.tests.strategies import CROSS

AXES = [Axis("fast", (2, 3)), Axis("slow", (4, 5))]


def _program(**changes: Any) -> Program:
    return plan_sweep(check_spec({**CROSS, **changes}), AXES, ("long", "short")).program


def _codes(program: Program) -> Counter[Code]:
    return Counter(Code(code) for code in program.code[:, 0])


def test_a_cross_is_one_look_at_the_numbers() -> None:
    """Entry and exit compare two averages now and before: that is one relation, read twice and lagged."""
    program = _program()
    assert _codes(program) == {Code.RELATE: 1, Code.BOTH: 2, Code.SIGNAL: 2}
    assert (len(program.rows), program.numbers, program.lag) == (2, 0, 1)


def test_comparisons_either_way_round_are_one_relation() -> None:
    """`f > s` and `s <= f` look at the same numbers."""
    program = _program(entry_long="f > s and s <= f and f != s", exit_long="not (s < f)")
    assert _codes(program)[Code.RELATE] == 1


def test_what_no_param_changes_is_a_row() -> None:
    """A filter without params is worked out once, flags and all, and costs a combination one read."""
    program = _program(entry_long="f > s and (close > open or close[1] > sma(close, 50))", exit_long=None)
    assert _codes(program) == {Code.RELATE: 1, Code.BOTH: 1, Code.SIGNAL: 1}
    assert len(program.flag_rows) == 1


def test_registers_are_used_again() -> None:
    """A long sum keeps no more than two of its steps at a time."""
    program = _program(entry_long=" + ".join(["f * s"] + [f"f * {n}" for n in range(2, 40)]) + " > 0", exit_long=None)
    assert _codes(program)[Code.MULTIPLY] == 39
    # Besides 38 that hold a constant.
    assert program.numbers <= 39 + 3


def test_what_is_read_lagged_is_kept() -> None:
    """Of a register, as many bars as it is read back, which is of the relation where both sides are lagged."""
    program = _program(entry_long="(f - s)[3] > 0 and (f - s)[1] < f[5] and (f * s)[2] > f", exit_long=None)
    assert sorted(program.histories[:, [0, 2]].tolist()) == [[NUMBER, 2], [FLAG, 1], [FLAG, 3]]
    assert program.lag == 4

"""The execution kernel against plain Python on thousands of random cases."""

import random
from collections import Counter

from services.backtest.core.engine.dtypes import ExitReason
from services.backtest.core.tests.cases import compare, random_case

CASES = 4_000


def test_thousands_of_random_cases_agree() -> None:
    """Gaps, stops of all kinds together, every cost, size and rule of filling: trades, equity and metrics agree.

    The cases are worth something only if everything that can happen happens many times among them.
    """
    seen: Counter[str] = Counter()
    for seed in range(CASES):
        expected = compare(random_case(random.Random(seed)))
        seen.update(trade[-1] for trade in expected.trades)
        seen.update(expected.unfilled)
        seen["open"] += expected.units != 0.0
        seen["ruined"] += expected.ruin >= 0
    reasons = {reason.name.lower() for reason in ExitReason}
    assert {what for what, times in seen.items() if times >= 40} == reasons | {
        "too_small", "too_dear", "unstopped", "ruined",
    }  # fmt: skip

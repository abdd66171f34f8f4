"""The prefix test: what a strategy decides on a bar must not depend on later bars, and that is tried out.

A strategy is evaluated on made-up bars, then again on their beginning alone and with another ending. What it decides on
the bars that are the same must be the same, to the bit.
"""

from services.backtest.core.prefix.run import run_prefix_test

__all__ = ["run_prefix_test"]

"""The metrics of a backtest, each family in a module of its name. What is not defined is None."""

from services.backtest.core.metrics.measure import measure

__all__ = ["measure"]

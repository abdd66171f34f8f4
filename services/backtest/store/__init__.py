"""All SQL of the backtest service: datasets, backtests, and the leases of the workers."""

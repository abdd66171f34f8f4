"""Owns datasets, backtests and their results; consumes requests and its jobs; publishes dataset and backtest events."""

"""Owns nothing; consumes strategy and backtest events and applies them to the cache; publishes only its timings."""

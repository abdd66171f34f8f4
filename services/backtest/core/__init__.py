"""The pure core of a backtest: the strategy language, the engine, the metrics and the identity of a run."""

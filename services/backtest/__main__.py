"""`python -m services.backtest`: run the service."""

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.backtest.app import compose
from services.backtest.settings import BacktestSettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("backtest", BacktestSettings, compose)

"""`python -m services.backtest`: load settings, build, serve."""

from services.backtest.app import build
from services.backtest.settings import BacktestSettings
from shared.runtime.serving import main

if __name__ == "__main__":
    main("backtest", BacktestSettings, build)

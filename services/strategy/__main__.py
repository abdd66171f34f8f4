"""`python -m services.strategy`: run the service."""

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.strategy.app import compose
from services.strategy.settings import StrategySettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("strategy", StrategySettings, compose)

"""`python -m services.strategy`: run the service."""

from services.strategy.app import compose
from services.strategy.settings import StrategySettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("strategy", StrategySettings, compose)

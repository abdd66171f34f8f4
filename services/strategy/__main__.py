"""`python -m services.strategy`: run the service."""

from services.strategy.app import build
from services.strategy.settings import StrategySettings
from shared.runtime.serving import main

if __name__ == "__main__":
    main("strategy", StrategySettings, build)

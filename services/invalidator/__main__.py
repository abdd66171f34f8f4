"""`python -m services.invalidator`: run the service."""

from services.invalidator.app import build
from services.invalidator.settings import InvalidatorSettings
from shared.runtime.serving import main

if __name__ == "__main__":
    main("invalidator", InvalidatorSettings, build)

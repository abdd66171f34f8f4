"""`python -m services.invalidator`: run the service."""

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.invalidator.app import compose
from services.invalidator.settings import InvalidatorSettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("invalidator", InvalidatorSettings, compose)

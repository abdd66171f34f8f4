"""`python -m services.gateway`: run the service."""

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.gateway.app import compose
from services.gateway.settings import GatewaySettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("gateway", GatewaySettings, compose)

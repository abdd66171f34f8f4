"""`python -m services.gateway`: load settings, build, serve."""

from services.gateway.app import build
from services.gateway.settings import GatewaySettings
from shared.runtime.serving import main

if __name__ == "__main__":
    main("gateway", GatewaySettings, build, copies=lambda settings: settings.gateway_workers)

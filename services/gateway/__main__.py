"""`python -m services.gateway`: run the service."""

from services.gateway.app import compose
from services.gateway.settings import GatewaySettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("gateway", GatewaySettings, compose)

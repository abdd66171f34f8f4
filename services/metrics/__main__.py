"""`python -m services.metrics`: run the service."""

from services.metrics.app import compose
from services.metrics.settings import MetricsSettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("metrics", MetricsSettings, compose)

"""`python -m services.metrics`: run the service."""

from services.metrics.app import build
from services.metrics.settings import MetricsSettings
from shared.runtime.serving import main

if __name__ == "__main__":
    main("metrics", MetricsSettings, build)

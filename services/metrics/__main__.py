"""`python -m services.metrics`: run the service."""

import shared.runtime.tracing.unloaded  # noqa: F401  # before the libraries that look for it
from services.metrics.app import compose
from services.metrics.settings import MetricsSettings
from shared.runtime.serving import run

if __name__ == "__main__":
    run("metrics", MetricsSettings, compose)

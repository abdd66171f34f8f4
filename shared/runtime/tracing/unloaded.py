"""Imported first by each process of ours, for its effect: no library finds OpenTelemetry while there are no traces.

redis-py, FastStream and Litestar import what they find of it, wanted or not: sixty modules, 2 MB of every process.
"""

import os
import sys

from shared.runtime.environment import SettingsError, load
from shared.runtime.tracing.settings import TracingSettings


def hide() -> None:
    """Have its import fail, in a process that is a service and that nobody has asked for traces."""
    spec = sys.modules["__main__"].__spec__
    if spec is None or not spec.name.startswith("services."):  # a test, which imports the same module
        return
    try:
        wanted = load(TracingSettings, os.environ).traces_wanted()
    except SettingsError:  # which the start tells, and ends
        wanted = False
    if not wanted:
        sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # what makes an import fail


hide()

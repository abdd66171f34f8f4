"""The sixth service's settings."""

from dataclasses import dataclass, field

from shared.runtime.settings import Port, Settings


@dataclass(frozen=True, kw_only=True)
class SixthSettings(Settings):
    """Read from the environment. SIXTH_PORT serves health."""

    port: Port = field(default=0, metadata={"variable": "SIXTH_PORT"})

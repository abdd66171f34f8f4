"""The invalidator's settings."""

from dataclasses import dataclass

from shared.runtime.settings import CacheServerSettings, Port, Settings


@dataclass(frozen=True, kw_only=True)
class InvalidatorSettings(Settings, CacheServerSettings):
    """Read from the environment. `invalidator_port` serves health; 0 takes any free one."""

    invalidator_port: Port = 0

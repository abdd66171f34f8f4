"""The gateway's settings."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from shared.runtime.settings import CacheServerSettings, Port, SecretSettings, Settings, SettingsError

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(Settings, CacheServerSettings, SecretSettings):
    """Read from the environment. Sizes are in bytes; `cors_origins` is separated by commas."""

    port: Port = 8000
    gateway_workers: Annotated[int, Meta(ge=1, le=64)] = 1
    cors_origins: str = ""
    max_json_bytes: Annotated[int, Meta(ge=1024)] = MIB
    max_upload_bytes: Annotated[int, Meta(ge=1024)] = 256 * MIB

    def origins(self) -> list[str]:
        """Return the origins whose pages may call the API. Raises SettingsError for a `*`: they send credentials."""
        origins = [origin for origin in (part.strip() for part in self.cors_origins.split(",")) if origin]
        if any("*" in origin for origin in origins):
            raise SettingsError("CORS_ORIGINS: name each origin, such as https://app.example.com; * is not allowed")
        return origins

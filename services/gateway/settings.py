"""The gateway's settings."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.runtime import addresses
from shared.runtime.environment import Rule, Together
from shared.runtime.settings import CacheServerSettings, Port, SecretSettings, Settings

KIB, MIB, GIB = 1024, 1024**2, 1024**3


def _json_fits(json: int, upload: int) -> str:
    return "" if json <= upload else "MAX_JSON_BYTES must not be above MAX_UPLOAD_BYTES"


def _port_shared(workers: int, port: int) -> str:
    return "" if workers == 1 or port else "PORT must not be 0 when GATEWAY_WORKERS is above 1: they share it"


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(Settings, CacheServerSettings, SecretSettings):
    """Read from the environment. Sizes are in bytes; `cors_origins` is separated by commas.

    `log_requests` has each request write its line, of which LOG_LEVEL=INFO otherwise shows only those that failed.
    """

    port: Port = 8000
    gateway_workers: Annotated[int, Meta(ge=1, le=64)] = 1
    log_requests: bool = False
    cors_origins: Annotated[str, Rule(addresses.ORIGINS, addresses.origins)] = ""
    # A JSON body travels on the bus whole; an upload goes past it.
    max_json_bytes: Annotated[int, Meta(ge=KIB, le=16 * MIB, title="bytes")] = MIB
    max_upload_bytes: Annotated[int, Meta(ge=KIB, le=4 * GIB, title="bytes")] = 256 * MIB
    # Below it the headers are most of an answer, which a coding does not make smaller.
    compression_minimum_size: Annotated[int, Meta(ge=0, le=GIB, title="bytes")] = 1000

    # What this process keeps of the cache itself, 0 for nothing, and for how long after a sign of life it is believed.
    cache_l1_bytes: Annotated[int, Meta(ge=0, le=64 * GIB, title="bytes")] = 64 * MIB
    cache_l1_seconds: Annotated[float, Meta(ge=0.01, le=60, title="seconds")] = 0.25
    # The writers' setting: where it is `strict` readers are served nothing older than what is committed either.
    cache_policy: Literal["available", "strict", ""] = ""

    RULES: ClassVar[tuple[Together, ...]] = (
        Together(("max_json_bytes", "max_upload_bytes"), _json_fits),
        Together(("gateway_workers", "port"), _port_shared),
    )

    def copies(self) -> int:
        """Return the number of gateway processes."""
        return self.gateway_workers

    def own_cache_bytes(self) -> int:
        """Return how much this process may hold of the cache itself: nothing under CACHE_POLICY=strict."""
        return 0 if self.cache_policy == "strict" else self.cache_l1_bytes

    def origins(self) -> list[str]:
        """Return the origins whose pages may call the API."""
        return addresses.split_origins(self.cors_origins)

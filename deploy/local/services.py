"""The five services, and what each of them needs."""

from dataclasses import dataclass
from typing import Literal

Server = Literal["DATABASE_URL", "BUS_URL", "REDIS_URL"]
"""A server, by the variable in which a service finds its URL."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service, started as `python -m services.<name>`. What it does not need it is not given.

    `ready_within` is how many seconds it may take until it says that it is ready.
    """

    name: str
    port_variable: str
    servers: tuple[Server, ...]
    has_secret_key: bool = False
    ready_within: float = 60.0

    def own(self, variable: str) -> str:
        """The variable in which a deployment gives this service a `variable` of its own: STRATEGY_DATABASE_URL."""
        return f"{self.name.upper()}_{variable}"


GATEWAY = Service("gateway", "PORT", ("BUS_URL", "REDIS_URL"), has_secret_key=True)
INNER_SERVICES = (
    Service("strategy", "STRATEGY_PORT", ("BUS_URL", "DATABASE_URL", "REDIS_URL"), has_secret_key=True),
    # The first start compiles the engine: half a minute of one core, minutes on a slow or busy machine. A worker that
    # cannot start does not take that long to say so.
    Service("backtest", "BACKTEST_PORT", ("BUS_URL", "DATABASE_URL", "REDIS_URL"), ready_within=600.0),
    Service("invalidator", "INVALIDATOR_PORT", ("BUS_URL", "REDIS_URL")),
    Service("metrics", "METRICS_PORT", ("BUS_URL", "REDIS_URL")),
)
SERVICES = (GATEWAY, *INNER_SERVICES)


def users_of(server: Server) -> tuple[Service, ...]:
    """The services that use it."""
    return tuple(service for service in SERVICES if server in service.servers)

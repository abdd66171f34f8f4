"""What the metrics service finds out itself, at most every few seconds and never while somebody waits for it."""

import asyncio
import logging
import platform
from typing import Final

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.metrics.bus_figures import Bus, read_bus
from services.metrics.cache_figures import CacheProbe
from services.metrics.core.document import MIB, CacheServer, Machine
from services.metrics.core.process_names import BUILD_INFO
from services.metrics.core.server_names import CACHE_KEYS
from services.metrics.core.totals import Series
from services.metrics.redis_figures import Info, redis_figures
from shared.runtime.release import release

log = logging.getLogger(__name__)

READ_SECONDS: Final = 5.0


class Figures:
    """The newest figures of the bus, the cache server and the machine. Run `run` beside what uses them."""

    def __init__(self, bus: Redis, cache: CacheProbe) -> None:
        self.machine = Machine()
        self.cache = CacheServer(enabled=cache.enabled)
        self._bus = bus
        self._probe = cache
        self._told: Bus | None = None
        self._build: Series = {(release(), platform.python_version()): [1]}
        psutil.cpu_percent()  # the first call begins the interval that the next one measures

    async def run(self) -> None:
        """Read every READ_SECONDS until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(READ_SECONDS)

    async def read(self) -> None:
        """Read everything once; what does not answer has no figures."""
        self.machine = _machine()
        self.cache = await self._probe.read()
        try:
            self._told = await read_bus(self._bus)
        except (RedisError, OSError) as error:
            log.warning("the bus does not tell its figures: %s", error)
            self._told = None

    def series(self) -> dict[str, Series]:
        """Return all figures that have a metric."""
        servers: dict[str, Info | None] = {"bus": None if self._told is None else self._told.info}
        if self.cache.enabled:
            servers["cache"] = self._probe.said
        series = {**redis_figures(servers), BUILD_INFO.name: self._build}
        if self._told is not None:
            series |= self._told.series
        if self.cache.keys is not None:
            series[CACHE_KEYS.name] = {(): [self.cache.keys]}
        return series


def _machine() -> Machine:
    memory = psutil.virtual_memory()
    return Machine(
        cpu_percent=psutil.cpu_percent(),
        memory_mb=round(memory.used / MIB, 1),
        memory_percent=memory.percent,
    )

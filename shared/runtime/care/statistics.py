"""Has the planner's statistics made anew when they are old: what hardly changes autovacuum leaves for ever."""

import asyncio
import logging
from datetime import timedelta

from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, ServiceError
from shared.runtime.care.handlers import LOST, Session
from shared.runtime.care.session import alone_on
from shared.runtime.care.upkeep import stale_tables, tables_for, take_care

log = logging.getLogger(__name__)

LOOK_SECONDS = 600.0


class Statistics:
    """Those of one schema's tables, no older than so many hours once a table has changed.

    What was analyzed and when is what Postgres itself knows, so that several processes, one at a time, do it once.
    """

    def __init__(self, schema: str, session: Session, clock: Clock, hours: float) -> None:
        self._schema = schema
        self._session = session
        self._clock = clock
        self._age = timedelta(hours=hours)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        told = False
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._age.total_seconds()))
            try:
                await self.refresh()
            except Conflict:
                continue
            except (ServiceError, *LOST) as error:
                if not told:
                    log.warning("statistics are not made anew: %s", error)
                told = True
            else:
                told = False

    async def refresh(self) -> list[str]:
        """Analyze what is due; returns which tables. Raises Conflict, Forbidden and LOST."""
        async with self._session() as connection:
            allowed = await tables_for(connection, self._schema, None)
            async with alone_on(connection, self._schema):
                stale = await stale_tables(connection, self._schema, self._clock.now() - self._age)
                tables = {name: allowed[name] for name in stale if name in allowed}
                busy = await take_care(connection, "analyze", tables, lambda _: None)
        done = [name for name in tables if name not in busy]
        if done:
            log.info("the planner's statistics were made anew of %s", ", ".join(done))
        return done

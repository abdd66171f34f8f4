"""`python -m services.strategy.tests.removing DATABASE_URL NOW`: removes old sessions until it is killed."""

import asyncio
import sys
from datetime import datetime

from services.strategy.retention import rules
from shared.runtime.care import expiry
from shared.runtime.care.expiry import Expiry
from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings
from shared.runtime.timings import Timings
from tests.clock import FakeClock


async def main(database_url: str, now: str) -> None:
    """Remove, token by token and session by session."""
    expiry.PAUSE_SECONDS = 0.0
    clock = FakeClock()
    clock.time = datetime.fromisoformat(now)
    database = Database(DatabaseSettings(database_url=database_url), "strategy")
    await database.connect()
    both = rules(database, clock, sessions_kept_days=2.0)
    await Expiry(both, Timings("strategy", "strategy-2"), seconds=0.001, batch=1).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

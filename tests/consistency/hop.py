"""How long a message takes from a publisher through the cache server to a subscriber: what nothing pushed can beat.

REDIS_URL=redis://... python -m tests.consistency.hop JOURNAL
"""

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.journal import Journal

CHANNEL = "tests.consistency.hop"
PACE_SECONDS = 0.01
AGAIN_SECONDS = 0.2
HEARD_SECONDS = 1.0


async def main(path: str) -> None:
    """Measure until killed; a fault ends both connections, and they are made anew."""
    journal = Journal(Path(path))
    while True:
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await _measure(journal)
        await asyncio.sleep(AGAIN_SECONDS)


async def _measure(journal: Journal) -> None:
    url = os.environ["REDIS_URL"]
    async with (
        Redis.from_url(url, protocol=2) as publisher,
        Redis.from_url(url, protocol=2) as client,
        client.pubsub(ignore_subscribe_messages=True) as subscriber,
    ):
        await subscriber.subscribe(CHANNEL)
        publishing = asyncio.create_task(_publish(publisher))
        try:
            heard = time.monotonic()
            while not publishing.done() and time.monotonic() - heard < HEARD_SECONDS:
                message = await subscriber.get_message(timeout=HEARD_SECONDS)
                if message is not None:  # it is for the confirmation of the subscription
                    heard, sent = time.monotonic(), float(message["data"])
                    journal.write("hop", time=sent, seconds=heard - sent)
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)


async def _publish(publisher: "Redis") -> None:
    while True:
        await publisher.publish(CHANNEL, repr(time.monotonic()))
        await asyncio.sleep(PACE_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""Consumer groups, made before anyone reads, and the watch that starts a stopped subscriber again.

FastStream makes a group at the stream's end, which would skip what was written before it; and it stops a subscriber for
good when its stream or group vanished.
"""

import asyncio
import logging

from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5


async def ensure_group(client: Redis, stream: str, group: str) -> None:
    """Create `group` at the beginning of `stream`, and the stream, unless they exist."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


class SubscriberWatch:
    """Keeps subscribers of groups alive: a vanished stream or group is made again, a stopped subscriber started."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._subscribers: list[StreamBatchSubscriber] = []
        self._watching = False

    def add(self, subscriber: StreamBatchSubscriber) -> None:
        """Watch `subscriber` too."""
        self._subscribers.append(subscriber)

    async def ensure_groups(self) -> None:
        """Create every watched subscriber's group where it is missing."""
        for subscriber in self._subscribers:
            sub = subscriber.stream_sub
            if sub.group:
                await ensure_group(self._client, sub.name, sub.group)

    def begin(self) -> None:
        """Keep the subscribers running from now on: each has been started."""
        self._watching = True

    def stop(self) -> None:
        """Start no subscriber again: the service stops."""
        self._watching = False

    async def run(self) -> None:
        """Watch until cancelled. A subscriber that its broker still has to start must not be started twice."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for subscriber in self._subscribers:
                if self._watching and not subscriber.running:
                    await self._restart(subscriber)

    async def check(self) -> None:
        """Pass when every subscriber reads and its group is there."""
        for subscriber in self._subscribers:
            name = subscriber.stream_sub.name
            if not subscriber.running:
                raise RuntimeError(f"the reader of {name} has stopped")
            if subscriber.stream_sub.group:
                groups = await self._client.xinfo_groups(name)
                if subscriber.stream_sub.group.encode() not in [group["name"] for group in groups]:
                    raise RuntimeError(f"the group of {name} is gone")

    async def _restart(self, subscriber: StreamBatchSubscriber) -> None:
        try:
            await self.ensure_groups()
            await subscriber.start()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("the reader of %s cannot start yet: %s", subscriber.stream_sub.name, error)
        else:
            log.warning("the reader of %s was started again", subscriber.stream_sub.name)

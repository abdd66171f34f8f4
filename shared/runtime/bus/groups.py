"""Consumer groups, made before anyone reads, and the watch that starts a stopped subscriber again.

FastStream makes a group at the stream's end, which would skip what was written before it; and it stops a subscriber for
good when its stream or group vanished.
"""

import asyncio
import logging
from collections.abc import Mapping

from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.contracts.errors import Unavailable

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
# A consumer that lives asks once a second.
GONE_SECONDS = 3600


async def ensure_group(client: Redis, stream: str, group: str) -> None:
    """Create `group` at the beginning of `stream`, and the stream, unless they exist."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


# KEYS[1] stream; ARGV: group, the consumer that stops, the idle time in ms after which another is long gone. A consumer
# with entries in its hands stays, for others to take them over. In one script: between a look and a deletion an entry
# could be given to it.
_FORGET = """
for _, about in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #about, 2 do consumer[about[i]] = about[i + 1] end
  if consumer.pending == 0 and (consumer.name == ARGV[2] or consumer.idle > tonumber(ARGV[3])) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
  end
end
"""


async def forget_consumer(client: Redis, stream: str, group: str, consumer: str) -> None:
    """Delete a consumer that reads no more, and those long gone, from a group. Each process is a new one."""
    script = client.register_script(_FORGET)
    await script(keys=[stream], args=[group, consumer, GONE_SECONDS * 1000])


class SubscriberWatch:
    """Keeps subscribers of groups alive: a vanished stream or group is made again, a stopped subscriber started.

    `faults` says which streams their broker cannot read, and why.
    """

    def __init__(self, client: Redis, faults: Mapping[str, str]) -> None:
        self._client = client
        self._faults = faults
        self._subscribers: list[StreamBatchSubscriber] = []
        self._watching = False

    def add(self, subscriber: StreamBatchSubscriber) -> None:
        """Watch `subscriber` too."""
        self._subscribers.append(subscriber)

    async def ensure_groups(self) -> None:
        """Create every watched subscriber's group where it is missing."""
        for subscriber in self.of_groups():
            sub = subscriber.stream_sub
            await ensure_group(self._client, sub.name, str(sub.group))

    def of_groups(self) -> list[StreamBatchSubscriber]:
        """Return the subscribers that read through a group: what they are given is theirs alone."""
        return [subscriber for subscriber in self._subscribers if subscriber.stream_sub.group]

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
                if self._watching and not _reads(subscriber):
                    await self._restart(subscriber)

    async def check(self) -> None:
        """Pass when every subscriber reads and its group is there. Raises Unavailable with the stream's name."""
        for subscriber in self._subscribers:
            sub = subscriber.stream_sub
            if not _reads(subscriber):
                raise Unavailable(f"the reader of {sub.name} has stopped")
            if sub.name in self._faults:
                raise Unavailable(f"the bus, asked for {sub.name}, {self._faults[sub.name]}")
            if sub.group and not await self._has_group(sub.name, sub.group):
                raise Unavailable(f"the group {sub.group} of {sub.name} is gone")

    async def _has_group(self, stream: str, group: str) -> bool:
        try:
            groups = await self._client.xinfo_groups(stream)
        except ResponseError as error:
            if "no such key" in str(error):
                return False
            raise
        return group.encode() in [found["name"] for found in groups]

    async def forget(self) -> None:
        """Leave nothing in the groups that would say this process still reads. When every subscriber has stopped."""
        for subscriber in self.of_groups():
            sub = subscriber.stream_sub
            try:
                await forget_consumer(self._client, sub.name, str(sub.group), str(sub.consumer))
            except (RedisError, OSError) as error:
                log.info("%s stays in the group %s of %s: %s", sub.consumer, sub.group, sub.name, error)

    async def _restart(self, subscriber: StreamBatchSubscriber) -> None:
        try:
            if subscriber.running:  # or so it says, though its task has ended
                await subscriber.stop()
            await self.ensure_groups()
            if not self._watching:  # the stop has begun, and what it took now nobody would do
                return
            await subscriber.start()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("the reader of %s cannot start yet: %s", subscriber.stream_sub.name, error)
        else:
            log.warning("the reader of %s was started again", subscriber.stream_sub.name)


def _reads(subscriber: StreamBatchSubscriber) -> bool:
    """Say whether it runs, and is not only said to: FastStream starts a task again that failed, no cancelled one."""
    return subscriber.running and not all(task.done() for task in subscriber.tasks)

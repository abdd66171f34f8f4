"""The cache protocol on Redis 7 or Valkey 8 and newer: pipelines, scripts, a deadline and a breaker."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, ParamSpec, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    RedisError,
    ResponseError,
)

from shared.cache import scripts
from shared.cache.breaker import Breaker
from shared.cache.keys import entry_key, head_key, variant_segment, variants_key
from shared.cache.record import (
    ENTRY_FIELDS,
    HEAD_FIELDS,
    Entry,
    check_version,
    decode_entry,
    decode_head,
    encode_entry,
    servable,
)
from shared.cache.results import (
    Bypass,
    BypassReason,
    CacheUnavailable,
    FillOutcome,
    Hit,
    Invalidated,
    Lookup,
    Miss,
)
from shared.cache.scripts import Script
from shared.cache.settings import CacheSettings
from shared.cache.stats import CacheStats

log = logging.getLogger(__name__)

# Readers choose the variants of a list (cursors, filters), so their number per object must have an end.
MAX_VARIANTS: Final = 512

Argument = str | int | bytes
Call = tuple[tuple[str, ...], tuple[Argument, ...]]  # keys and arguments of a script
P = ParamSpec("P")
T = TypeVar("T")


class RedisCacheStore:
    """A store on one server. `clock` is in seconds; `nonce` names a new head's life and must never repeat.

    After a failure readers get Bypass without touching the network; a PING in the background finds the server back.
    Invalidations always try.
    """

    def __init__(
        self,
        client: Redis,
        settings: CacheSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.stats = CacheStats()
        self._client = client
        self._settings = settings
        self._head_ttl = settings.head_ttl_ms()
        self._breaker = Breaker(clock)
        self._nonce = nonce
        self._jitter = jitter
        self._probe: asyncio.Task[bool] | None = None
        self._refusals: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether the last exchange with the cache server succeeded."""
        return self._breaker.working

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look for an entry of at least `min_version`. Raises ValueError for an object or version that cannot be."""
        result = await self._look_up(head_key(obj), entry_key(obj, variant), check_version(min_version))
        self.stats.looked_up(obj, result)
        return result

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer what the database answered after `lease` was given. Raises ValueError as `get` does."""
        ttl = self._settings.entry_ttl_ms(obj, entry.status, self._jitter)
        version, segment = check_version(entry.version), variant_segment(variant)
        outcome = await self._offer(
            (head_key(obj), entry_key(obj, variant), variants_key(obj)),
            (lease, version, ttl, self._head_ttl, segment, MAX_VARIANTS, *encode_entry(lease, entry)),
        )
        self.stats.filled(obj, outcome)
        return outcome

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce that each object has reached its version, all in one pipeline.

        Raises CacheUnavailable when that may not have reached every object; ValueError as `get` does.
        """
        if not versions:
            return Invalidated()
        calls = [
            ((head_key(obj), variants_key(obj)), (check_version(version), self._head_ttl))
            for obj, version in versions.items()
        ]
        try:
            replies = await self._ask(self._run, scripts.INVALIDATE, calls)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused an invalidation: {error}") from error
        for obj in versions:
            self.stats.invalidated(obj)
        return Invalidated(*(sum(column) for column in zip(*cast("list[list[int]]", replies), strict=True)))

    async def ping(self) -> bool:
        """Ask the server whether it is there, whatever the breaker says."""
        try:
            await self._ask(self._send, [("PING",)])
        except (CacheUnavailable, ResponseError):
            return False
        return True

    async def close(self) -> None:
        """End the probe and release the connections."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait([self._probe])
        await self._client.aclose()

    async def _look_up(self, head: str, entry: str, min_version: int) -> Lookup:
        if not self._may_read():
            return Bypass(BypassReason.UNREACHABLE)
        try:
            return await self._ask(self._find, head, entry, min_version)
        except CacheUnavailable:
            return Bypass(BypassReason.UNREACHABLE)
        except ResponseError:
            return Bypass(BypassReason.REFUSED)

    async def _find(self, head: str, entry: str, min_version: int) -> Lookup:
        # The entry first: a head read after it can only be newer, so an entry that passes was servable at that moment.
        replies = await self._send([("HMGET", entry, *ENTRY_FIELDS), ("HMGET", head, *HEAD_FIELDS)])
        entry_values, head_values = cast("list[list[bytes | None]]", replies)
        stored = decode_entry(entry_values)
        if stored is not None and servable(decode_head(head_values), stored, min_version):
            return Hit(stored.entry)
        call = (head, entry), (self._nonce(), self._head_ttl, min_version, *ENTRY_FIELDS)
        [reply] = await self._run(scripts.GET, [call])
        word, lineage, *values = cast("list[bytes]", reply)
        if word == b"HIT" and (stored := decode_entry(values)) is not None:
            return Hit(stored.entry)
        return Miss(lineage.decode())

    async def _offer(self, keys: tuple[str, ...], arguments: tuple[Argument, ...]) -> FillOutcome:
        if not self._may_read():
            return FillOutcome.UNREACHABLE
        try:
            [word] = await self._ask(self._run, scripts.FILL, [(keys, arguments)])
        except CacheUnavailable:
            return FillOutcome.UNREACHABLE
        except OutOfMemoryError:
            return FillOutcome.FULL
        except ResponseError:
            return FillOutcome.REFUSED
        return FillOutcome(cast("bytes", word).decode())

    def _may_read(self) -> bool:
        if self._breaker.closed:
            return True
        if (self._probe is None or self._probe.done()) and self._breaker.claim_probe():
            self._probe = asyncio.create_task(self.ping())
        return False

    async def _ask(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one exchange within the deadline and tell the breaker. Raises CacheUnavailable or ResponseError."""
        try:
            async with asyncio.timeout(self._settings.deadline):
                answer = await step(*args, **kwargs)
        except ResponseError as error:  # it answers, so nobody need keep off it
            if isinstance(error, NoPermissionError) and str(error) not in self._refusals:
                self._refusals.add(str(error))
                log.error("the cache server refuses the user of REDIS_URL: %s", error)  # noqa: TRY400  # says it all
            raise
        # uvloop has a RuntimeError for a connection that has been closed since it was last used.
        except (RedisError, OSError, TimeoutError, RuntimeError) as error:
            does = "refuses the user of REDIS_URL" if isinstance(error, AuthenticationError) else "does not answer"
            trouble = f"the cache server {does}: {str(error) or type(error).__name__}"
            if self._breaker.closed:
                log.warning("reading without the cache: %s", trouble)
            self._breaker.failed()
            raise CacheUnavailable(trouble) from error
        if not self._breaker.closed:
            log.warning("reading with the cache again")
        self._breaker.succeeded()
        return answer

    async def _run(self, script: Script, calls: Sequence[Call]) -> list[object]:
        commands = [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        try:
            return await self._send(commands)
        except NoScriptError:
            # The server forgot its scripts (restart, flush). All calls go again: each may be repeated.
            _, *replies = await self._send([("SCRIPT", "LOAD", script.source), *commands])
            return replies

    async def _send(self, commands: Sequence[tuple[Argument, ...]]) -> list[object]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[object] = await pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

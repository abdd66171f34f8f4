"""The writers' side of the store on a server: floors raised before COMMIT, and taken back after a rollback."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence

from redis.exceptions import ResponseError

from shared.cache import scripts
from shared.cache.connection import LOOKS
from shared.cache.exchange import Argument, Call, Exchange
from shared.cache.keys import head_key, object_type, state_key
from shared.cache.record import check_version
from shared.cache.results import CacheUnavailable, RaiseOutcome
from shared.cache.settings import CacheSettings
from shared.cache.stats import CacheStats
from shared.contracts.objects import keeper_of

log = logging.getLogger(__name__)


def new_nonce() -> str:
    """Return a name for a life of a head, or for an incarnation, that never repeats."""
    return secrets.token_hex(8)


def state_of(obj: str) -> str:
    """Return the key of the state that the object is served under. Raises InvalidObject."""
    return state_key(keeper_of(object_type(obj)))


class RedisFloors:
    """See shared.cache.floors."""

    stats: CacheStats
    found_closed: asyncio.Event
    _settings: CacheSettings
    _server: Exchange
    _nonce: Callable[[], str]

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise the floor of each object to its version, all in one pipeline.

        Raises CacheUnavailable when not answered within `raise_deadline`, at once while the server is known to be
        gone; ValueError for an object or a version that cannot be.
        """
        calls = [self._raise_call(obj, check_version(version), writer) for obj, version in versions.items()]
        if not calls:
            return True
        try:
            if not self._server.usable():
                raise CacheUnavailable("the cache server does not answer")
            answers = await self._server.ask(self._raise_in_time, calls)
        except (CacheUnavailable, ResponseError) as error:
            self.stats.raised(dict.fromkeys(versions, RaiseOutcome.UNANSWERED))
            if isinstance(error, CacheUnavailable):
                raise
            raise CacheUnavailable(f"the cache server refused to raise a floor: {error}") from error
        outcomes = dict(zip(versions, map(_outcome, answers), strict=True))
        self.stats.raised(outcomes)
        if RaiseOutcome.CLOSED in outcomes.values():
            self.found_closed.set()
        return True

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Remove the heads whose floor is still that of this writer; what fails is logged."""
        calls: list[Call] = [
            ((state_of(obj), head_key(obj)), (check_version(version), writer)) for obj, version in versions.items()
        ]
        try:
            if calls:
                await self._server.ask(self._server.run, scripts.UNRAISE, calls)
        except (CacheUnavailable, ResponseError) as error:
            log.warning("floors that a rolled back transaction raised stay for now: %s", error)

    async def _raise_in_time(self, calls: list[Call]) -> Sequence[object]:
        """Raise, within `raise_deadline`. Raises TimeoutError.

        Looks are counted, not seconds: a process that was held up itself must not blame the server.
        """
        raising = asyncio.ensure_future(self._server.run(scripts.RAISE, calls))
        try:
            for _ in range(LOOKS):
                if raising in (await asyncio.wait([raising], timeout=self._settings.raise_deadline / LOOKS))[0]:
                    return raising.result()
        finally:
            raising.cancel()
        raise TimeoutError

    def _raise_call(self, obj: str, version: int, writer: str) -> Call:
        arguments: tuple[Argument, ...] = (version, writer, self._nonce(), self._settings.head_ttl_ms(), obj)
        return (state_of(obj), head_key(obj)), arguments


def _outcome(answer: object) -> RaiseOutcome:
    return RaiseOutcome.CLOSED if answer == b"closed" else RaiseOutcome.DONE

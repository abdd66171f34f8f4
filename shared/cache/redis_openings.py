"""The openers' side of the store on a server."""

from collections.abc import Callable
from typing import Final, cast

from redis.exceptions import ResponseError

from shared.cache import scripts
from shared.cache.connection import checked, packed
from shared.cache.exchange import Argument, Exchange
from shared.cache.keys import state_key
from shared.cache.opening import OPENING_SECONDS, Opening
from shared.cache.record import STATE_FIELDS, State, decode_state
from shared.cache.results import CacheUnavailable
from shared.cache.scripts import Script
from shared.contracts.objects import Keeper

OPENING_MS: Final = round(1000 * OPENING_SECONDS)


class RedisOpenings:
    """See shared.cache.opening."""

    _server: Exchange
    _nonce: Callable[[], str]

    async def is_open(self, keeper: Keeper) -> bool:
        """Whether readers are served the objects of `keeper`. Raises CacheUnavailable."""
        try:
            state = await self._server.ask(self._state, keeper)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused to show the state: {error}") from error
        return state is not None and state.status == "open"

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Set the state to opening, if it is closed or its opener has given up. Raises CacheUnavailable."""
        incarnation = self._nonce()
        run_id = await self._change(scripts.BEGIN, keeper, incarnation, OPENING_MS)
        return Opening(keeper, run_id.decode(), incarnation) if isinstance(run_id, bytes) else None

    async def finish(self, opening: Opening) -> bool:
        """Set the state to open, if it is still this opening. Raises CacheUnavailable."""
        return await self._change(scripts.FINISH, opening.keeper, opening.incarnation) == 1

    async def _change(self, script: Script, keeper: Keeper, *arguments: Argument) -> object:
        try:
            (answer,) = await self._server.ask(self._server.run, script, [((state_key(keeper),), arguments)])
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused to change the state: {error}") from error
        return answer

    async def _state(self, keeper: Keeper) -> State | None:
        line = await self._server.line()
        (values,) = checked(await line.ask(packed(("HMGET", state_key(keeper), *STATE_FIELDS)), 1))
        return decode_state(cast("list[bytes | None]", values), line.run_id)

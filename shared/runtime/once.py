"""Writes take effect once, whatever is repeated: the answer is recorded in the transaction of the write.

A request is repeated by the bus, when the process that had taken it died or stood still, and by clients, with an
Idempotency-Key. Whoever records second undoes what it did, and answers what the first one answered.
"""

import contextlib
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

import msgspec

from shared.contracts.clock import Clock
from shared.contracts.errors import ServiceError, TooOld, Unavailable
from shared.contracts.request import Request
from shared.runtime import recorded_answers as store
from shared.runtime.bus.server import Answer, Call, HandlerOf
from shared.runtime.database import Connection, Database
from shared.runtime.repeats import (
    FRESH_SECONDS,
    KEY_SECONDS,
    REQUEST_SECONDS,
    Recorded,
    age_seconds,
    answered,
    fingerprint,
    scope_of,
)

R = TypeVar("R", bound=Request[object])
Restore = Callable[[bytes], object]


class AlreadyDone(Exception):
    """Somebody else has recorded the answer to this request: what this process did of it must be undone."""


async def recorded(connection: Connection, call: Call, answer: Answer) -> Answer:
    """Record the answer as the last act of a transaction that writes, and return it.

    Raises AlreadyDone, which rolls the transaction back. A request that a handler was given past `Once` records none.
    """
    if call.record_as:
        body = answer.value if isinstance(answer.value, bytes) else msgspec.json.encode(answer.value)
        if call.record_as == call.id:
            first = await store.answer(connection, call.id, body, answer.versions)
        else:
            first = await store.answer_held(connection, call.record_as, call.id, body, answer.versions)
        if not first:
            raise AlreadyDone
    return answer


class Once:
    """Makes handlers that write do so once. `secret` keeps fingerprints of passwords from being tried on."""

    def __init__(self, database: Database, clock: Clock, *, secret: str = "") -> None:
        self.database = database
        self.clock = clock
        self.secret = secret.encode()

    def __call__(
        self, handler: HandlerOf[R], *, restore: Restore | None = None, owner: Callable[[R], str] | None = None
    ) -> "OnceOnly[R]":
        """Return `handler` as one that does nothing twice.

        It must end every transaction that writes with `recorded`. `restore` makes the answer's value of what was
        recorded, where that is not the value itself; `owner` says whose an Idempotency-Key is when nobody is logged in.
        """
        return OnceOnly(self, handler, restore, owner)

    async def forget(self, at_once: int) -> int:
        """Remove answers that nobody will ask for any more, `at_once` at most; returns how many. Raises Unavailable."""
        async with self.database.reading() as connection:
            return await store.forget(connection, at_once)


class OnceOnly(Generic[R]):
    """A handler that answers a repeat as it answered the first time. Made by `Once`."""

    def __init__(
        self, once: Once, handler: HandlerOf[R], restore: Restore | None, owner: Callable[[R], str] | None
    ) -> None:
        self._once = once
        self._handler = handler
        self._restore = restore
        self._owner = owner

    async def __call__(self, message: R, call: Call) -> Answer:
        """Answer a request. Raises what the handler raises, TooOld for one no longer known, and for a key
        KeyReused and StillInProgress.
        """
        kept = KEY_SECONDS if call.idempotency_key else REQUEST_SECONDS
        age = age_seconds(call.id, self._once.clock.now().timestamp())
        if not call.idempotency_key and age >= FRESH_SECONDS and (found := await self._find(call.id)):
            return self._answer(found, call)
        if age > kept:
            raise TooOld(
                f"This request was made more than {kept / 3600:g} h ago: whether it was carried out is not known any "
                "more. Look, and make a new one"
            )
        if call.idempotency_key:
            return await self._with_key(message, call)
        try:
            return await self._handler(message, msgspec.structs.replace(call, record_as=call.id))
        except AlreadyDone:
            found = await self._find(call.id)
            if found is None:
                self._lost()
            return self._answer(found, call)
        except ServiceError as error:
            # What stands in a repeat's way may be what the first one did: an account, a deletion, an upload read.
            if (error.status < 500 or age >= FRESH_SECONDS) and (found := await self._find_if_possible(call.id)):
                return self._answer(found, call)
            raise

    async def _with_key(self, message: R, call: Call) -> Answer:
        owner = self._owner(message) if self._owner and call.principal is None else call.user.user_id
        key = scope_of(owner, message, call.idempotency_key)
        wanted = fingerprint(message, self._once.secret)
        async with self._once.database.reading() as connection:
            held = await store.hold(connection, key, call.id, wanted, call.seconds_left)
        if not held:
            return self._answer(answered(await self._find(key), wanted), call)
        try:
            return await self._handler(message, msgspec.structs.replace(call, record_as=key))
        except AlreadyDone:
            return self._answer(answered(await self._find(key), wanted), call)
        except Exception:
            if (found := await self._given_up(key, call)) is not None:
                return self._answer(found, call)
            raise

    async def _given_up(self, key: str, call: Call) -> Recorded | None:
        """Leave the key to the next request; or return the answer, if another process has given it to this one."""
        with contextlib.suppress(Unavailable):  # then it is free when this request's time is up
            async with self._once.database.reading() as connection:
                if not await store.release(connection, key, call.id):
                    found = await store.find(connection, key)
                    return found if found is not None and found.request_id == call.id and found.body else None
        return None

    async def _find(self, key: str) -> Recorded | None:
        async with self._once.database.reading() as connection:
            return await store.find(connection, key)

    async def _find_if_possible(self, key: str) -> Recorded | None:
        with contextlib.suppress(Unavailable):
            return await self._find(key)
        return None

    def _answer(self, found: Recorded, call: Call) -> Answer:
        if found.body is None:
            self._lost()
        value = self._restore(found.body) if self._restore else found.body
        return Answer(value, found.versions or {}, replayed=found.request_id != call.id)

    def _lost(self) -> NoReturn:
        raise Unavailable("Another process was carrying this request out; send it again")

"""What a service is asked when the cache has no answer, and the entry that its answer makes."""

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from services.gateway.core.etags import etag_of
from shared.cache.reading import Fetched
from shared.cache.record import Entry
from shared.contracts.errors import NotFound
from shared.contracts.messages import Request as Message
from shared.contracts.values import Principal
from shared.runtime.bus.caller import DEFAULT_DEADLINE, Reply

A = TypeVar("A")

TEXT = "text/plain"
ABSENT = 404


class Asking(Protocol):
    """What the gateway needs of the bus; see Caller."""

    async def ask(
        self,
        message: Message[A],
        principal: Principal | None = None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Ask a service and return its answer's bytes; `service` in place of the message's own. Raises ServiceError."""
        ...


async def fetched(asked: Awaitable[Reply], obj: str, principal: Principal) -> Fetched:
    """Return the entry that a service's answer makes, or that it says there is no such object. Raises ServiceError."""
    try:
        reply = await asked
    except NotFound as error:
        if obj not in error.versions:
            raise
        return Fetched(absence(error, obj))
    entry = Entry(reply.versions.get(obj, 0), etag_of(reply.body), principal.user_id, reply.body)
    return Fetched(entry, versioned=obj in reply.versions)


def absence(error: NotFound, obj: str) -> Entry:
    """Return the entry that says what `error` says of `obj`, to everybody: it was deleted, whoever it was of."""
    return Entry(error.versions[obj], "", "", error.detail.encode(), ABSENT, TEXT)

"""A cached read: the entry if fresh enough and the caller's own, else the service's answer, offered to the cache."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from litestar import Request, Response
from litestar.handlers import BaseRouteHandler

from services.gateway.core.etags import etag_of, matches
from services.gateway.core.idempotency import REPLAYED
from services.gateway.notes import Connection, notes_of
from shared.cache import tokens
from shared.cache.record import Entry
from shared.cache.results import Bypass, BypassReason, Hit, Lookup, Miss
from shared.cache.store import CacheStore
from shared.contracts.errors import Malformed, NotFound
from shared.contracts.ids import is_id
from shared.contracts.messages import Request as Message
from shared.contracts.values import Principal
from shared.runtime.bus.caller import DEFAULT_DEADLINE, Reply

A = TypeVar("A")

TOKEN = "Consistency-Token"  # noqa: S105  # a header's name
JSON = "application/json"
HTML = "text/html"
_L2 = "aurelius-l2"


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


class Found(NamedTuple):
    """What a read found: its bytes, their tag, and the `Cache-Status` that says where they came from."""

    body: bytes
    etag: str
    status: str


class Gateway:
    """What every route asks: the services over the bus, and for reads the cache before them."""

    def __init__(self, caller: Asking, cache: CacheStore) -> None:
        self._caller = caller
        self._cache = cache
        self._filling: set[asyncio.Task[object]] = set()

    async def ask(
        self,
        request: Request[Any, Any, Any],
        message: Message[A],
        principal: Principal | None,
        *,
        seconds: float = DEFAULT_DEADLINE,
        idempotency_key: str = "",
        service: str = "",
    ) -> Reply:
        """Ask a service in the name of `principal`, noting the time it took."""
        notes = notes_of(request)
        started = time.perf_counter()
        reply = await self._caller.ask(
            message, principal, seconds=seconds, idempotency_key=idempotency_key, service=service
        )
        notes.spent("bus", time.perf_counter() - started - reply.service_seconds)
        notes.spent("service", reply.service_seconds)
        return reply

    async def create(
        self,
        request: Request[Any, Any, Any],
        message: Message[A],
        principal: Principal | None,
        *,
        seconds: float = DEFAULT_DEADLINE,
    ) -> Reply:
        """`ask` for something new, under the request's Idempotency-Key if it has one."""
        key = notes_of(request).idempotency_key
        return await self.ask(request, message, principal, seconds=seconds, idempotency_key=key)

    async def read(self, request: Request[Any, Any, Any], message: Message[A], obj: str, variant: str) -> Response[Any]:
        """Answer a read of `obj`, never older than the request's Consistency-Token names. Raises ServiceError."""
        found = await self.look_up(request, message, obj, variant)
        return answer(request, found.body, etag=found.etag, status=found.status)

    async def look_up(self, request: Request[Any, Any, Any], message: Message[A], obj: str, variant: str) -> Found:
        """Return what `read` answers with. Raises ServiceError."""
        notes = notes_of(request)
        principal = notes.caller
        least = notes.wanted.get(obj, 0)
        found: Lookup
        if "no-cache" in request.headers.get("cache-control", "").lower():
            found = Bypass(BypassReason.REQUESTED)
            self._cache.stats.looked_up(obj, found)
        else:
            started = time.perf_counter()
            found = await self._cache.get(obj, variant, min_version=least)
            notes.spent("cache", time.perf_counter() - started)
        if isinstance(found, Hit):
            if found.entry.owner != principal.user_id:
                raise NotFound("There is no such resource")
            return Found(found.entry.body, found.entry.etag, f"{_L2}; hit")
        reply = await self.ask(request, message, principal)
        etag = etag_of(reply.body)
        if isinstance(found, Miss) and obj in reply.versions:
            entry = Entry(version=reply.versions[obj], etag=etag, owner=principal.user_id, body=reply.body)
            self._fill(obj, variant, found.lease, entry)
        reason = "bypass" if isinstance(found, Bypass) else "uri-miss"
        return Found(reply.body, etag, f"{_L2}; fwd={reason}")

    async def read_entity(
        self,
        request: Request[Any, Any, Any],
        message: Message[A],
        entity_id: str,
        name_object: Callable[[str], str],
        variant: str,
    ) -> Response[Any]:
        """`read` for one entity by its id. Raises NotFound for an id that is none."""
        obj = name_object(known_id(entity_id))
        return await self.read(request, message, obj, variant)

    def _fill(self, obj: str, variant: str, lease: str, entry: Entry) -> None:
        task: asyncio.Task[object] = asyncio.create_task(self._cache.fill(obj, variant, lease, entry))
        self._filling.add(task)
        task.add_done_callback(self._filling.discard)

    async def settle(self) -> None:
        """Wait for the fills under way."""
        if self._filling:
            await asyncio.wait(self._filling, timeout=1)


def readable_token(connection: Connection, _: BaseRouteHandler) -> None:
    """Note the versions that the request's Consistency-Token names, before anything is done. Raises Malformed."""
    token = connection.headers.get(TOKEN, "")
    if token:
        try:
            notes_of(connection).wanted = tokens.decode(token)
        except tokens.InvalidToken as error:
            raise Malformed(str(error)) from error


def known_id(entity_id: str) -> str:
    """Return an id. Raises NotFound for a text that is none."""
    if not is_id(entity_id):
        raise NotFound("There is no such resource")
    return entity_id


def answer(
    request: Request[Any, Any, Any], body: bytes, *, etag: str = "", status: str = "", media_type: str = JSON
) -> Response[Any]:
    """Return a read's answer: the body, or 304 when the client has it already."""
    headers = {"ETag": etag or etag_of(body), "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if status:
        headers["Cache-Status"] = status
    if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
        # Of the 200 that it stands for, and not sent: they tell which coding that would have been in (coded.py).
        headers |= {"Content-Type": media_type, "Content-Length": str(len(body))}
        return Response(b"", status_code=304, headers=headers)
    return Response(body, status_code=200, headers=headers, media_type=media_type)


def written(request: Request[Any, Any, Any], reply: Reply, status: int, *, location: str = "") -> Response[Any]:
    """Return a write's answer, with the token that makes the writer's next reads see it."""
    token = tokens.encode(tokens.merge(notes_of(request).wanted, reply.versions))
    headers = {TOKEN: token, "Cache-Control": "no-store"}
    if location:
        headers["Location"] = location
    if reply.replayed:
        headers[REPLAYED] = "true"
    if status == 204:
        return Response(b"", status_code=status, headers=headers)
    headers["ETag"] = etag_of(reply.body)
    return Response(reply.body, status_code=status, headers=headers, media_type="application/json")

"""A cached read: the entry if fresh enough and the caller's own, else the service's answer, offered to the cache."""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from litestar import Request, Response
from litestar.handlers import BaseRouteHandler

from services.gateway.core.etags import etag_of, matches
from services.gateway.core.idempotency import REPLAYED
from services.gateway.fetching import ABSENT, Asking, fetched
from services.gateway.notes import CachedRead, Connection, notes_of
from services.gateway.recipes import Recipes
from shared.cache import tokens
from shared.cache.reading import CachedReads, Fetched, Source
from shared.cache.record import Entry
from shared.contracts.errors import Malformed, NotFound
from shared.contracts.ids import is_id
from shared.contracts.messages import Request as Message
from shared.contracts.values import Principal
from shared.runtime.bus.caller import DEFAULT_DEADLINE, Reply

A = TypeVar("A")

TOKEN = "Consistency-Token"  # noqa: S105  # a header's name
TOKENS = 4096
JSON = "application/json"
HTML = "text/html"
STATUS: dict[Source, str] = {
    "l1": "aurelius-l1; hit",
    "l2": "aurelius-l2; hit",
    "miss": "aurelius-l2; fwd=uri-miss",
    "bypass": "aurelius-l2; fwd=bypass",
}
"""The `Cache-Status` (RFC 9211) of an answer from each place."""


class Found(NamedTuple):
    """What a read found, and the `Cache-Status` that says where."""

    entry: Entry
    status: str

    @property
    def body(self) -> bytes:
        """Its bytes."""
        return self.entry.body


class Gateway:
    """What every route asks: the services over the bus, and for reads the cache before them."""

    def __init__(self, caller: Asking, reads: CachedReads) -> None:
        self._caller = caller
        self._reads = reads
        self.recipes = Recipes(caller)

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
        if reply.database_seconds:
            notes.spent("database", reply.database_seconds)
        for obj, version in reply.versions.items():  # who writes here reads it here, before the feed tells of it
            self._reads.local.raised(obj, version)
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
        entry, status = await self.look_up(request, message, obj, variant)
        notes_of(request).cached_read = CachedRead(obj, variant, entry)
        return answer(request, entry.body, etag=entry.etag, status=status)

    async def look_up(self, request: Request[Any, Any, Any], message: Message[A], obj: str, variant: str) -> Found:
        """Return what `read` answers with. Raises ServiceError."""
        notes = notes_of(request)
        principal = notes.caller
        asking = 0.0

        async def fetch() -> Fetched:
            nonlocal asking
            started = time.perf_counter()
            try:
                return await fetched(self.ask(request, message, principal), obj, principal)
            finally:
                asking = time.perf_counter() - started

        started = time.perf_counter()
        if asks_past_caches(request.headers.get("cache-control", "")):
            found = await self._reads.past(obj, fetch)
        else:
            least = notes.wanted.get(obj, 0)
            before = notes.found_before((obj, variant), least)
            found = await self._reads.read(obj, variant, fetch, who=principal, least=least, before=before)
            notes.spent("cache", time.perf_counter() - started - asking)
        if found.entry.status == ABSENT:
            raise NotFound(found.entry.body.decode())
        if found.entry.owner != principal.user_id:
            raise NotFound("There is no such resource")
        self.recipes.note(obj, variant, message, principal)
        return Found(found.entry, STATUS[found.source])

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

    async def settle(self) -> None:
        """Wait for what goes on behind the answers."""
        await self._reads.settle()


def asks_past_caches(cache_control: str) -> bool:
    """Say whether a request's Cache-Control wants an answer that no cache gives."""
    return "no-cache" in cache_control.lower()


def readable_token(connection: Connection, _: BaseRouteHandler) -> None:
    """Note the versions that the request's Consistency-Token names, before anything is done. Raises Malformed."""
    token = connection.headers.get(TOKEN, "")
    if token:
        try:
            notes_of(connection).wanted = versions_of(token)
        except tokens.InvalidToken as error:
            raise Malformed(str(error)) from error


@lru_cache(TOKENS)
def versions_of(token: str) -> Mapping[str, int]:
    """Return the versions that a Consistency-Token names: a client sends the same one until it writes again.

    Raises InvalidToken.
    """
    return tokens.decode(token)


def known_id(entity_id: str) -> str:
    """Return an id. Raises NotFound for a text that is none."""
    if not is_id(entity_id):
        raise NotFound("There is no such resource")
    return entity_id


def read_headers(etag: str, status: str) -> dict[str, str]:
    """Return the headers of every read's answer, of a cached one with its Cache-Status."""
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if status:
        headers["Cache-Status"] = status
    return headers


def answer(
    request: Request[Any, Any, Any], body: bytes, *, etag: str = "", status: str = "", media_type: str = JSON
) -> Response[Any]:
    """Return a read's answer: the body, or 304 when the client has it already."""
    headers = read_headers(etag or etag_of(body), status)
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

"""A cached read: the entry if fresh enough and the caller's own, else the service's answer, offered to the cache."""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

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
from shared.contracts.errors import Malformed, NotFound, PreconditionFailed
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
        entry = await self.look_up(request, message, obj, variant)
        notes_of(request).cached_read = CachedRead(obj, variant, entry)
        return answer(request, entry.body, etag=entry.etag)

    async def look_up(self, request: Request[Any, Any, Any], message: Message[A], obj: str, variant: str) -> Entry:
        """Return what `read` answers with, and note its Cache-Status, or that of an error. Raises ServiceError."""
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

        def comes_from(source: Source) -> None:
            notes.cache_status = STATUS[source]

        started = time.perf_counter()
        if asks_past_caches(request.headers.get("cache-control", "")):
            comes_from("bypass")
            entry, _ = await self._reads.past(obj, fetch)
        else:
            least = notes.wanted.get(obj, 0)
            before = notes.found_before((obj, variant), least)
            try:
                entry, source = await self._reads.read(
                    obj, variant, fetch, who=principal, least=least, before=before, forwards=comes_from
                )
            finally:
                notes.spent("cache", time.perf_counter() - started - asking)
            comes_from(source)
        if entry.status != ABSENT and entry.owner != principal.user_id:
            # Whoever it is not of is told by the service, in all respects like one who asks for what nobody has.
            comes_from("miss")
            entry, _ = await fetch()
        if entry.status == ABSENT:
            raise NotFound(entry.body.decode())
        self.recipes.note(obj, variant, message, principal)
        return entry

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


def answer(request: Request[Any, Any, Any], body: bytes, *, etag: str = "", media_type: str = JSON) -> Response[Any]:
    """Return a read's answer: the body, or 304 when the client has it already. Raises PreconditionFailed."""
    notes, etag = notes_of(request), etag or etag_of(body)
    check_if_match(request, etag)
    if matches(tags_in(request, "if-none-match"), etag):
        # Of the 200 that it stands for, and not sent: they tell which coding that would have been in (coded.py).
        of_the_body = {"Content-Type": media_type, "Content-Length": str(len(body))}
        headers = read_headers(etag, instead_of_200(notes.cache_status)) | of_the_body
        return Response(b"", status_code=304, headers=headers)
    return Response(body, status_code=200, headers=read_headers(etag, notes.cache_status), media_type=media_type)


def check_if_match(request: Request[Any, Any, Any], etag: str) -> None:
    """Raise PreconditionFailed for an If-Match that does not name `etag`: before If-None-Match (RFC 9110, 13.2.2).

    A tag counts in any coding, as in every condition here: no answer is sent in parts, which had to be of one coding.
    Conditions with a date are ignored, since nothing has a Last-Modified, and If-Range, since no Range is heard.
    """
    wanted = tags_in(request, "if-match")
    if wanted and not matches(wanted, etag, strongly=True):
        notes = notes_of(request)
        notes.cache_status = instead_of_200(notes.cache_status)
        raise PreconditionFailed("If-Match does not name what is there now")


def tags_in(request: Request[Any, Any, Any], name: str) -> str:
    """Return the tags of a condition, which may be in several headers of its name; empty for none."""
    return ", ".join(request.headers.getall(name, []))


def instead_of_200(cache_status: str) -> str:
    """Return the Cache-Status of what is sent in place of a 200: what was forwarded was answered with that."""
    return f"{cache_status}; fwd-status=200" if "fwd=" in cache_status else cache_status


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

"""For administrators: the streams of the bus, and what could not be done on them; the cache; the database."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.auth import admin_only
from services.gateway.core.dead_letter_pages import merged, place_of, services_of
from services.gateway.guards import guard
from services.gateway.notes import notes_of
from services.gateway.problems import ADMIN_PROBLEMS
from services.gateway.read_path import Gateway, answer
from services.gateway.routes.cache_administration import cache_administration_routes
from services.gateway.routes.database_administration import database_administration_routes
from services.gateway.routes.paging import with_next_link
from shared.contracts import bus_messages as messages
from shared.contracts.dead_letter_ids import letter_id
from shared.contracts.errors import NotFound
from shared.contracts.streams import DEAD_LETTERS

_PAGE = msgspec.json.Decoder(messages.DeadLetterPage)
# A replay does what the request or event asks for; less than REPLAY_SECONDS, after which another may be tried.
REPLAY_WITHIN = 30.0


def administration_routes(gateway: Gateway) -> Router:
    """Return the routes under /admin."""

    @get("/streams", responses=ADMIN_PROBLEMS, summary="Describe every stream of the bus, its groups and consumers")
    async def streams(request: Request[Any, Any, Any]) -> Response[messages.StreamPage]:
        reply = await gateway.ask(request, messages.DescribeStreams(), notes_of(request).caller)
        return answer(request, reply.body)

    @get("/dead-letters", responses=ADMIN_PROBLEMS, summary="List what could not be done, newest first")
    async def dead_letters(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        stream: FromQuery[str | None] = None,
    ) -> Response[messages.DeadLetterPage]:
        services, before = services_of(stream), place_of(cursor, stream)
        # One more than a page tells whether there is a next one.
        message = messages.ListDeadLetters(stream=stream, before=before, limit=limit + 1)
        caller = notes_of(request).caller
        replies = await asyncio.gather(
            *(gateway.ask(request, message, caller, service=service) for service in services)
        )
        page = merged((_PAGE.decode(reply.body) for reply in replies), limit, stream)
        return with_next_link(request, answer(request, msgspec.json.encode(page)))

    @post(
        "/dead-letters/{letter:str}/replay",
        responses=ADMIN_PROBLEMS,
        summary="Do once more what a dead letter asks for, and remove it",
        description=_REPLAY,
        status_code=200,
    )
    async def replay(request: Request[Any, Any, Any], letter: FromPath[str]) -> Response[messages.Replayed]:
        message = messages.ReplayDeadLetter(id=letter)
        service = _owner_of(letter)
        reply = await gateway.ask(request, message, notes_of(request).caller, service=service, seconds=REPLAY_WITHIN)
        outcome = msgspec.json.decode(reply.body, type=messages.Replayed)
        return Response(outcome, status_code=200, headers=_FRESH)

    return Router(
        "/admin",
        route_handlers=[
            streams,
            dead_letters,
            replay,
            cache_administration_routes(gateway),
            database_administration_routes(gateway),
        ],
        guards=[guard(admin_only)],
        tags=["Administration"],
    )


def _owner_of(letter: str) -> str:
    """Return the service that has a letter. Raises NotFound for an id that is none."""
    try:
        return DEAD_LETTERS[letter_id(letter).stream]
    except (ValueError, KeyError) as error:
        raise NotFound("There is no such dead letter") from error


_FRESH = {"Cache-Control": "no-store"}
_REPLAY = """\
A request is done under its own id, so that a write that was done is not done twice, and answers nobody; an event is
given to the group that failed on it, and to no other. `outcome` is `ok`, or the kind of error that the request's caller
would have been told. The letter is gone afterwards; when it could not be done (409, 503) it stays.
"""

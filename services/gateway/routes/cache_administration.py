"""For administrators: how the cache is and is used, and having it forget."""

from typing import Any

from litestar import Request, Response, Router, delete, get
from litestar.params import FromPath

from services.gateway.notes import notes_of
from services.gateway.problems import ADMIN_PROBLEMS
from services.gateway.read_path import Gateway, answer
from shared.cache.keys import InvalidObject, object_type
from shared.contracts.cache_messages import CacheDescription, DescribeCache, PurgeCache
from shared.contracts.errors import NotFound

# The keys of a large server are walked over in some seconds.
PURGE_WITHIN = 30.0


def cache_administration_routes(gateway: Gateway) -> Router:
    """Return the routes under /admin/cache, to be put where administrators alone are let in."""

    @get("/", responses=ADMIN_PROBLEMS, summary="Describe the cache: its memory, keys, state, and use by type")
    async def describe(request: Request[Any, Any, Any]) -> Response[CacheDescription]:
        reply = await gateway.ask(request, DescribeCache(), notes_of(request).caller)
        return answer(request, reply.body)

    @delete("/", responses=ADMIN_PROBLEMS, summary="Have the cache forget everything", description=_PURGE)
    async def purge(request: Request[Any, Any, Any]) -> Response[None]:
        return await _purged(request, PurgeCache())

    @delete("/{kind:str}", responses=ADMIN_PROBLEMS, summary="Have it forget all of a type", description=_PURGE)
    async def purge_type(request: Request[Any, Any, Any], kind: FromPath[str]) -> Response[None]:
        _check(f"{kind}:any")
        return await _purged(request, PurgeCache(type=kind))

    @delete("/{kind:str}/{name:str}", responses=ADMIN_PROBLEMS, summary="Have it forget one object", description=_PURGE)
    async def purge_one(request: Request[Any, Any, Any], kind: FromPath[str], name: FromPath[str]) -> Response[None]:
        _check(f"{kind}:{name}")
        return await _purged(request, PurgeCache(type=kind, id=name))

    async def _purged(request: Request[Any, Any, Any], message: PurgeCache) -> Response[None]:
        await gateway.ask(request, message, notes_of(request).caller, seconds=PURGE_WITHIN)
        return Response(None, status_code=204, headers={"Cache-Control": "no-store"})

    return Router("/cache", route_handlers=[describe, purge, purge_type, purge_one])


def _check(obj: str) -> None:
    """Raise NotFound for what cannot be an object's name."""
    try:
        object_type(obj)
    except InvalidObject as error:
        raise NotFound("There is no such type, or none of its objects can have this id") from error


_PURGE = """\
Reads are exact without this: it is for data that was changed past the services and their triggers, and for doubt. What
is forgotten is read from the services again, whatever its version, also by requests that are under way. When it is
answered with 503 or 504 some may have been forgotten; repeat it.
"""

"""The application: its routes, and what they share while it runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from redis.asyncio import Redis

from bench.peers.monolith import database
from bench.peers.monolith.auth import CurrentUser
from bench.peers.monolith.cache import Cache, NoCache, RedisCache
from bench.peers.monolith.database import BadCursor, Database
from bench.peers.monolith.models import EquityCurve, Strategy, StrategyPage, StrategyPatch
from bench.peers.monolith.settings import Settings

JSON = "application/json"
router = APIRouter(prefix="/api/v1")


async def _database(request: Request) -> Database:
    return cast("Database", request.app.state.database)


async def _cache(request: Request) -> Cache:
    return cast("Cache", request.app.state.cache)


async def _settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


TheDatabase = Annotated[Database, Depends(_database)]
TheCache = Annotated[Cache, Depends(_cache)]
TheSettings = Annotated[Settings, Depends(_settings)]


@router.get("/strategies", response_model=StrategyPage)
async def list_strategies(
    user: CurrentUser,
    database: TheDatabase,
    cache: TheCache,
    settings: TheSettings,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Response:
    """List the caller's strategies, newest first."""
    key, page = _list_key(user), f"{limit}:{cursor or ''}"
    cached = await cache.get_page(key, page)
    if cached is not None:
        return Response(cached, media_type=JSON)
    try:
        found = await database.list_strategies(user, limit, cursor)
    except BadCursor as error:
        raise HTTPException(400, "No page has given this cursor") from error
    body = found.model_dump_json().encode()
    await cache.put_page(key, page, body, settings.strategy_ttl)
    return Response(body, media_type=JSON)


@router.get("/strategies/{strategy_id}", response_model=Strategy)
async def read_strategy(
    strategy_id: UUID, user: CurrentUser, database: TheDatabase, cache: TheCache, settings: TheSettings
) -> Response:
    """Read one of the caller's strategies."""
    key = _strategy_key(user, strategy_id)
    cached = await cache.get(key)
    if cached is not None:
        return Response(cached, media_type=JSON)
    found = await database.find_strategy(strategy_id, user)
    if found is None:
        raise HTTPException(404, "There is no such strategy")
    body = found.model_dump_json().encode()
    await cache.put(key, body, settings.strategy_ttl)
    return Response(body, media_type=JSON)


@router.patch("/strategies/{strategy_id}")
async def change_strategy(
    strategy_id: UUID, change: StrategyPatch, user: CurrentUser, database: TheDatabase, cache: TheCache
) -> Strategy:
    """Change one of the caller's strategies."""
    changed = await database.change_strategy(strategy_id, user, change.name, change.description)
    if changed is None:
        raise HTTPException(404, "There is no such strategy")
    await cache.delete(_strategy_key(user, strategy_id), _list_key(user))
    return changed


@router.delete("/strategies/{strategy_id}", status_code=204)
async def delete_strategy(strategy_id: UUID, user: CurrentUser, database: TheDatabase, cache: TheCache) -> None:
    """Delete one of the caller's strategies."""
    if not await database.delete_strategy(strategy_id, user):
        raise HTTPException(404, "There is no such strategy")
    await cache.delete(_strategy_key(user, strategy_id), _list_key(user))


@router.get("/backtests/{backtest_id}/equity", response_model=EquityCurve)
async def read_equity(
    backtest_id: UUID,
    user: CurrentUser,
    database: TheDatabase,
    cache: TheCache,
    settings: TheSettings,
    points: Annotated[int, Query(ge=2, le=1_000_000)] = 200_000,
) -> Response:
    """Read the equity curve of one of the caller's runs. A result never changes, so nothing deletes it."""
    key = f"equity:{user}:{backtest_id}:{points}"
    cached = await cache.get(key)
    if cached is not None:
        return Response(cached, media_type=JSON)
    curve = await database.read_equity(backtest_id, user, points)
    if curve is None:
        raise HTTPException(404, "There is no such backtest")
    body = curve.model_dump_json().encode()
    await cache.put(key, body, settings.backtest_ttl)
    return Response(body, media_type=JSON)


def _strategy_key(user: UUID, strategy_id: UUID) -> str:
    return f"strategy:{user}:{strategy_id}"


def _list_key(user: UUID) -> str:
    return f"strategies:{user}"


def application(settings: Settings) -> FastAPI:
    """Return the application, which connects when it starts."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.settings = settings
            app.state.database = await stack.enter_async_context(database.connected(settings.database_url))
            app.state.cache = NoCache()
            if settings.redis_url is not None:
                client = await stack.enter_async_context(Redis.from_url(settings.redis_url))
                app.state.cache = RedisCache(client)
            yield

    app = FastAPI(title="The monolith", lifespan=life)
    # The level of the framework's own example.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.include_router(router)
    return app

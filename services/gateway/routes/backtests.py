"""Backtests: start, wait for, read and list runs, their equity curves and trades."""

import asyncio
import contextlib
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from services.gateway.core.prefer import wait_seconds
from services.gateway.guards import guard, json_body
from services.gateway.live import ENDED, ProgressFeed
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, written
from services.gateway.routes.paging import page, with_next_link
from shared.cache.tokens import merge
from shared.contracts import messages, values
from shared.contracts.objects import backtest_object, backtests_object
from shared.runtime.bus.caller import Reply

LOOK_SECONDS = 1.0


class NewBacktest(messages.CreateBacktest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run to start: `strategy_id`, or `spec` in its place."""


class _State(msgspec.Struct):
    id: str
    status: str


_STATE = msgspec.json.Decoder(_State)


def backtest_routes(gateway: Gateway, feed: ProgressFeed) -> Router:
    """Return the routes under /backtests."""

    @post("/", responses=PROBLEMS, summary="Start a backtest", status_code=202, guards=[guard(json_body)])
    async def create(request: Request[Any, Any, Any], data: JSONBody[NewBacktest]) -> Response[values.Backtest]:
        reply = await gateway.ask(request, data, notes_of(request).caller)
        state = _STATE.decode(reply.body)
        location = f"/api/v1/backtests/{state.id}"
        seconds = wait_seconds(request.headers.get("prefer", ""))
        if not seconds:
            return written(request, reply, 202, location=location)
        finished = await _finished(gateway, feed, request, state.id, seconds)
        if finished is not None:
            # Its token must still name the list that the creation changed.
            finished = msgspec.structs.replace(finished, versions=merge(reply.versions, finished.versions))
        response = written(request, finished or reply, 200 if finished else 202, location=location)
        response.headers["Preference-Applied"] = f"wait={seconds}"
        return response

    @get("/", responses=PROBLEMS, summary="List backtests")
    async def list_all(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        sort: FromQuery[messages.BacktestSort] = "-created_at",
        status: FromQuery[values.BacktestStatus | None] = None,
        strategy_id: FromQuery[str | None] = None,
        dataset_id: FromQuery[str | None] = None,
    ) -> Response[values.BacktestPage]:
        message = messages.ListBacktests(
            limit=limit, cursor=cursor, sort=sort, status=status, strategy_id=strategy_id, dataset_id=dataset_id
        )
        return await page(gateway, request, message, backtests_object(notes_of(request).caller.user_id))

    @get("/{backtest_id:str}", responses=PROBLEMS, summary="Read a backtest with its metrics")
    async def read(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[values.Backtest]:
        return await gateway.read_entity(
            request, messages.ReadBacktest(id=backtest_id), backtest_id, backtest_object, "doc"
        )

    @get("/{backtest_id:str}/equity", responses=PROBLEMS, summary="Read the equity curve")
    async def equity(
        request: Request[Any, Any, Any],
        backtest_id: FromPath[str],
        points: Annotated[int | None, QueryParameter(ge=2, le=1_000_000, description="At most this many")] = None,
    ) -> Response[values.EquityCurve]:
        message = messages.ReadEquity(id=backtest_id, points=points)
        return await gateway.read_entity(request, message, backtest_id, backtest_object, f"equity.{points}")

    @get("/{backtest_id:str}/trades", responses=PROBLEMS, summary="List the trades in order of entry")
    async def trades(
        request: Request[Any, Any, Any],
        backtest_id: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
    ) -> Response[values.TradePage]:
        message = messages.ListTrades(id=backtest_id, limit=limit, cursor=cursor)
        variant = f"trades.{limit}.{cursor}"
        response = await gateway.read_entity(request, message, backtest_id, backtest_object, variant)
        return with_next_link(request, response)

    return Router("/backtests", route_handlers=[create, list_all, read, equity, trades], tags=["Backtests"])


async def _finished(
    gateway: Gateway, feed: ProgressFeed, request: Request[Any, Any, Any], run_id: str, seconds: int
) -> Reply | None:
    """Return the run when it has ended, or None after `seconds`."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    with feed.ended(run_id) as ended:
        while True:
            reply = await gateway.ask(request, messages.ReadBacktest(id=run_id), notes_of(request).caller)
            if _STATE.decode(reply.body).status in ENDED:
                return reply
            left = give_up - loop.time()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    await ended.wait()

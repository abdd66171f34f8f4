"""Backtests: start, wait for, read and list runs."""

from typing import Annotated, Any

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from services.gateway.guards import guard, json_body
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.live import ProgressFeed
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway
from services.gateway.routes.paging import page
from services.gateway.routes.waiting import RUN_ANSWERS, answer_when_done, has_ended
from shared.contracts import messages, values
from shared.contracts.metrics import METRICS
from shared.contracts.objects import backtest_object, backtests_object


class NewBacktest(messages.CreateBacktest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run to start: `strategy_id`, or `spec` in its place."""


def backtest_routes(gateway: Gateway, feed: ProgressFeed) -> Router:
    """Return the routes under /backtests."""

    @post(
        "/",
        responses=repeatable(RUN_ANSWERS),
        summary="Start a backtest",
        status_code=202,
        guards=[guard(json_body, readable_key)],
        operation_class=Repeatable,
    )
    async def create(request: Request[Any, Any, Any], data: JSONBody[NewBacktest]) -> Response[values.Backtest]:
        reply = await gateway.create(request, data, notes_of(request).caller)
        return await answer_when_done(gateway, feed, request, reply, has_ended)

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

    @get("/{backtest_id:str}", responses=PROBLEMS, summary="Read a backtest with its metrics", description=_METRICS)
    async def read(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[values.Backtest]:
        return await gateway.read_entity(
            request, messages.ReadBacktest(id=backtest_id), backtest_id, backtest_object, "doc"
        )

    return Router("/backtests", route_handlers=[create, list_all, read], tags=["Backtests"])


_METRICS = "`metrics` holds, once the run has succeeded:\n" + "".join(
    f"\n- `{metric.name}` ({metric.unit}): {metric.formula}." + (f" Null when {metric.null}." if metric.null else "")
    for metric in METRICS
)

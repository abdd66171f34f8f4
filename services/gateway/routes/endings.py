"""Backtests once they are asked for: cancel, verify, delete."""

from typing import Any

from litestar import Request, Response, Router, delete, post
from litestar.params import FromPath

from services.gateway.core.etags import revisions
from services.gateway.guards import guard
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.live import ProgressFeed
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, written
from services.gateway.routes.waiting import RUN_ANSWERS, RunState, answer_when_done
from shared.contracts import messages, values


def ending_routes(gateway: Gateway, feed: ProgressFeed) -> Router:
    """Return the routes under /backtests/{id} that change a run."""

    @post(
        "/{backtest_id:str}/cancel",
        responses=PROBLEMS,
        summary="Cancel a backtest that waits or runs",
        status_code=200,
    )
    async def cancel(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[values.Backtest]:
        reply = await gateway.ask(request, messages.CancelBacktest(id=backtest_id), notes_of(request).caller)
        return written(request, reply, 200)

    @post(
        "/{backtest_id:str}/verify",
        responses=repeatable(RUN_ANSWERS),
        summary="Run a finished backtest once more and compare the digests",
        status_code=202,
        guards=[guard(readable_key)],
        operation_class=Repeatable,
    )
    async def verify(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[values.Backtest]:
        reply = await gateway.create(request, messages.VerifyBacktest(id=backtest_id), notes_of(request).caller)
        return await answer_when_done(gateway, feed, request, reply, _is_verified)

    @delete(
        "/{backtest_id:str}",
        responses=PROBLEMS,
        summary="Delete a backtest with its result",
        status_code=204,
    )
    async def remove(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[None]:
        allowed = revisions(request.headers.get("if-match", ""))
        message = messages.DeleteBacktest(id=backtest_id, if_revision=allowed)
        return written(request, await gateway.ask(request, message, notes_of(request).caller), 204)

    return Router("/backtests", route_handlers=[cancel, verify, remove], tags=["Backtests"])


def _is_verified(run: RunState) -> bool:
    return run.verification is not None and run.verification.status != "queued"

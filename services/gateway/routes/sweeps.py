"""Sweeps: start, wait for, read, list, cancel and delete them."""

from typing import Annotated, Any

from litestar import Request, Response, Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from services.gateway.core.etags import revisions
from services.gateway.guards import guard, json_body
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.live import ProgressFeed
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, written
from services.gateway.routes.paging import page
from services.gateway.routes.waiting import SWEEP_ANSWERS, SWEEPS, answer_when_done, has_ended
from shared.contracts import messages, sweep_values, values
from shared.contracts.objects import sweep_object, sweeps_object


class NewSweep(messages.CreateSweep, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sweep to start: `strategy_id`, or `spec` in its place, and by param the values it is to have.

    They are listed, or written as `{"start": 20, "stop": 200, "step": 10}`, the stop included if a step meets it. With
    a `sample`, `{"n": 1000}`, so many combinations are drawn at random, from `{"min": 0.01, "max": 0.1}` too.
    """


def sweep_routes(gateway: Gateway, feed: ProgressFeed) -> Router:
    """Return the routes under /sweeps."""

    @post(
        "/",
        responses=repeatable(SWEEP_ANSWERS),
        summary="Start a sweep",
        status_code=202,
        guards=[guard(json_body, readable_key)],
        operation_class=Repeatable,
    )
    async def create(request: Request[Any, Any, Any], data: JSONBody[NewSweep]) -> Response[sweep_values.Sweep]:
        reply = await gateway.create(request, data, notes_of(request).caller, seconds=CREATE_SECONDS)
        return await answer_when_done(gateway, feed, request, reply, has_ended, SWEEPS)

    @get("/", responses=PROBLEMS, summary="List sweeps, newest first")
    async def list_all(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        status: FromQuery[values.BacktestStatus | None] = None,
        strategy_id: FromQuery[str | None] = None,
        dataset_id: FromQuery[str | None] = None,
    ) -> Response[sweep_values.SweepPage]:
        message = messages.ListSweeps(
            limit=limit, cursor=cursor, status=status, strategy_id=strategy_id, dataset_id=dataset_id
        )
        return await page(gateway, request, message, sweeps_object(notes_of(request).caller.user_id))

    @get("/{sweep_id:str}", responses=PROBLEMS, summary="Read a sweep with the best of its combinations")
    async def read(request: Request[Any, Any, Any], sweep_id: FromPath[str]) -> Response[sweep_values.Sweep]:
        return await gateway.read_entity(request, messages.ReadSweep(id=sweep_id), sweep_id, sweep_object, "doc")

    @post("/{sweep_id:str}/cancel", responses=PROBLEMS, summary="Cancel a sweep that waits or runs", status_code=200)
    async def cancel(request: Request[Any, Any, Any], sweep_id: FromPath[str]) -> Response[sweep_values.Sweep]:
        reply = await gateway.ask(request, messages.CancelSweep(id=sweep_id), notes_of(request).caller)
        return written(request, reply, 200)

    @delete("/{sweep_id:str}", responses=PROBLEMS, summary="Delete a sweep with its results", status_code=204)
    async def remove(request: Request[Any, Any, Any], sweep_id: FromPath[str]) -> Response[None]:
        allowed = revisions(request.headers.get("if-match", ""))
        message = messages.DeleteSweep(id=sweep_id, if_revision=allowed)
        return written(request, await gateway.ask(request, message, notes_of(request).caller), 204)

    return Router("/sweeps", route_handlers=[create, list_all, read, cancel, remove], tags=["Sweeps"])


CREATE_SECONDS = 30.0
"""Of ten million combinations it takes seconds to say which the constraints allow."""

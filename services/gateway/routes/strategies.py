"""Strategies: create, read, list, change, delete, and checking a spec without storing it."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from services.gateway.core.etags import revisions
from services.gateway.guards import guard, json_body
from services.gateway.idempotency import Repeatable, readable_key, repeatable
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, answer, known_id, written
from services.gateway.routes.paging import page
from shared.contracts import messages, values
from shared.contracts.objects import strategies_object, strategy_object


class NewStrategy(messages.CreateStrategy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy to store."""


class StrategyPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON merge patch (RFC 7396); `spec` is replaced whole, a null description is emptied."""

    name: values.Name | UnsetType = UNSET
    description: values.Description | UnsetType | None = UNSET
    spec: values.JsonObject | UnsetType = UNSET


class SpecToCheck(messages.ValidateSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A spec to check."""


def strategy_routes(gateway: Gateway) -> Router:
    """Return the routes under /strategies."""

    @post(
        "/",
        responses=repeatable(PROBLEMS),
        summary="Store a strategy",
        status_code=201,
        guards=[guard(json_body, readable_key)],
        operation_class=Repeatable,
    )
    async def create(request: Request[Any, Any, Any], data: JSONBody[NewStrategy]) -> Response[values.Strategy]:
        reply = await gateway.create(request, data, notes_of(request).caller)
        stored = msgspec.json.decode(reply.body, type=values.Strategy)
        return written(request, reply, 201, location=f"/api/v1/strategies/{stored.id}")

    @post(
        "/validate",
        responses=PROBLEMS,
        summary="Check a spec without storing it",
        status_code=200,
        guards=[guard(json_body)],
    )
    async def validate(request: Request[Any, Any, Any], data: JSONBody[SpecToCheck]) -> Response[values.SpecReport]:
        reply = await gateway.ask(request, data, notes_of(request).caller)
        return Response[Any](reply.body, headers={"Cache-Control": "no-store"}, media_type="application/json")

    @get("/", responses=PROBLEMS, summary="List strategies")
    async def list_all(
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        sort: FromQuery[messages.StrategySort] = "-created_at",
        status: FromQuery[values.StrategyStatus | None] = None,
        q: Annotated[str | None, QueryParameter(max_length=200, description="Part of the name")] = None,
    ) -> Response[values.StrategyPage]:
        message = messages.ListStrategies(limit=limit, cursor=cursor, sort=sort, status=status, q=q)
        return await page(gateway, request, message, strategies_object(notes_of(request).caller.user_id))

    @get("/{strategy_id:str}", responses=PROBLEMS, summary="Read a strategy")
    async def read(request: Request[Any, Any, Any], strategy_id: FromPath[str]) -> Response[values.Strategy]:
        return await gateway.read_entity(
            request, messages.ReadStrategy(id=strategy_id), strategy_id, strategy_object, "doc"
        )

    @get("/{strategy_id:str}/prefix-test", responses=PROBLEMS, summary="Read whether decisions depend on later bars")
    async def prefix_test(
        request: Request[Any, Any, Any],
        strategy_id: FromPath[str],
        version: Annotated[
            int | None,
            QueryParameter(ge=1, description="An earlier version; the current one when absent"),
        ] = None,
    ) -> Response[values.PrefixTest]:
        message = messages.ReadPrefixTest(id=known_id(strategy_id), version=version)
        reply = await gateway.ask(request, message, notes_of(request).caller)
        return answer(request, reply.body)

    @patch("/{strategy_id:str}", responses=PROBLEMS, summary="Change a strategy", guards=[guard(json_body)])
    async def change(
        request: Request[Any, Any, Any], strategy_id: FromPath[str], data: JSONBody[StrategyPatch]
    ) -> Response[values.Strategy]:
        message = messages.PatchStrategy(
            id=strategy_id,
            name=data.name,
            description="" if data.description is None else data.description,
            spec=data.spec,
            if_revision=revisions(request.headers.get("if-match", "")),
        )
        reply = await gateway.ask(request, message, notes_of(request).caller)
        return written(request, reply, 200)

    @delete(
        "/{strategy_id:str}",
        responses=PROBLEMS,
        summary="Delete a strategy; its backtests stay readable",
        status_code=204,
    )
    async def remove(request: Request[Any, Any, Any], strategy_id: FromPath[str]) -> Response[None]:
        allowed = revisions(request.headers.get("if-match", ""))
        message = messages.DeleteStrategy(id=strategy_id, if_revision=allowed)
        reply = await gateway.ask(request, message, notes_of(request).caller)
        return written(request, reply, 204)

    handlers = [create, validate, list_all, read, prefix_test, change, remove]
    return Router("/strategies", route_handlers=handlers, tags=["Strategies"])

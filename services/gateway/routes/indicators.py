"""Indicators: the functions that a strategy's expressions may call."""

from typing import Any

from litestar import Request, Response, Router, get

from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, answer
from shared.contracts import messages, values


def indicator_routes(gateway: Gateway) -> Router:
    """Return the routes under /indicators."""

    @get("/", responses=PROBLEMS, summary="Describe every function of the strategy language")
    async def list_all(request: Request[Any, Any, Any]) -> Response[values.IndicatorPage]:
        reply = await gateway.ask(request, messages.ListIndicators(), notes_of(request).caller)
        return answer(request, reply.body)

    return Router("/indicators", route_handlers=[list_all], tags=["Strategies"])

"""The versions of a strategy: every spec that it has had."""

import re
from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.params import FromPath, QueryParameter

from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway
from services.gateway.routes.paging import with_next_link
from shared.contracts import messages, values
from shared.contracts.errors import NotFound
from shared.contracts.objects import strategy_object

# In one spelling each, so that each has one entry in the cache; no longer than its column takes.
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")

_KEPT = "A change of the spec makes a version; each stays readable, unchanged, until the strategy is deleted."


def strategy_version_routes(gateway: Gateway) -> Router:
    """Return the routes under /strategies/{id}/versions."""

    @get("/", responses=PROBLEMS, summary="List the versions of a strategy's spec, newest first", description=_KEPT)
    async def list_all(
        request: Request[Any, Any, Any],
        strategy_id: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
    ) -> Response[values.StrategyVersionPage]:
        message = messages.ListStrategyVersions(id=strategy_id, limit=limit, cursor=cursor)
        variant = f"versions.{limit}.{cursor!r}"
        return with_next_link(
            request, await gateway.read_entity(request, message, strategy_id, strategy_object, variant)
        )

    @get("/{version:str}", responses=PROBLEMS, summary="Read one version of a strategy's spec", description=_KEPT)
    async def read(
        request: Request[Any, Any, Any], strategy_id: FromPath[str], version: FromPath[str]
    ) -> Response[values.StrategyVersion]:
        if not _NUMBER.fullmatch(version):
            raise NotFound("There is no such version")
        message = messages.ReadStrategyVersion(id=strategy_id, version=int(version))
        return await gateway.read_entity(request, message, strategy_id, strategy_object, f"version.{version}")

    return Router("/strategies/{strategy_id:str}/versions", route_handlers=[list_all, read], tags=["Strategies"])

"""What a sweep left: its combinations, the best first, or all as a file."""

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.core.table_forms import Format, table_form
from services.gateway.exported import VARY, refuse_pages, result_in, table_file
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, known_id
from services.gateway.routes.paging import with_next_link
from services.gateway.table_operation import TableOperation
from shared.contracts import messages, sweep_values
from shared.contracts.messages import TableForm
from shared.contracts.objects import sweep_object
from shared.runtime.objects import Objects


def sweep_result_routes(gateway: Gateway, objects: Objects) -> Router:
    """Return the routes under /sweeps/{id}."""

    @get(
        "/{sweep_id:str}/results",
        responses={**PROBLEMS, 200: _RESULTS},
        summary="List the combinations as JSON, the best first, or all in order as CSV, Arrow or Parquet",
        description=_FORMS,
        operation_class=TableOperation,
    )
    async def results(
        request: Request[Any, Any, Any],
        sweep_id: FromPath[str],
        metric: FromQuery[sweep_values.SweepMetric | None] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=200, description="50 by default")] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        format: FromQuery[Format | None] = None,  # noqa: A002  # the parameter's name in the query
    ) -> Response[Any]:
        form = table_form(request.headers.get("accept", ""), format)
        if form is None:
            message = messages.ListSweepResults(id=sweep_id, metric=metric, limit=limit or 50, cursor=cursor)
            variant = f"results.{metric}.{message.limit}.{cursor!r}"
            response = await gateway.read_entity(request, message, sweep_id, sweep_object, variant)
            response.headers["Vary"] = VARY
            return with_next_link(request, response)
        refuse_pages(form, "all combinations in order", metric=metric, limit=limit, cursor=cursor)
        return await _file(request, sweep_id, form)

    async def _file(request: Request[Any, Any, Any], sweep_id: str, form: TableForm) -> Response[Any]:
        """Answer with a file, or 304 to a client that has it: the digest of a result is known before its file is."""
        read = messages.ReadSweep(id=sweep_id)
        found = await gateway.look_up(request, read, sweep_object(known_id(sweep_id)), "doc")
        export = messages.ExportSweepResults(id=sweep_id, form=form)
        content = result_in(found.body)
        return await table_file(gateway, objects, request, export, name=f"sweep-{sweep_id}", content=content)

    return Router("/sweeps", route_handlers=[results], tags=["Sweeps"])


_FORMS = (
    "Pages are ordered by `metric`, by the sweep's objective unless it is given: the highest first, of a volatility "
    "the lowest; where it is not defined comes last. The form is chosen by `Accept`: application/json, text/csv, "
    "application/vnd.apache.arrow.stream or application/vnd.apache.parquet; `format` (json, csv, arrow, parquet) is "
    "for those who cannot send that header."
)
_RESULTS = ResponseSpec(
    sweep_values.SweepRowPage, description="A page of combinations, or a file of all", generate_examples=False
)

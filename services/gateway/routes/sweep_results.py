"""What a sweep left: its combinations, the best first, or all as a file."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.core.etags import matches
from services.gateway.core.table_forms import MEDIA_TYPES, table_form
from services.gateway.exported import exported
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, known_id
from services.gateway.routes.paging import with_next_link
from services.gateway.table_operation import TableOperation
from shared.contracts import messages, sweep_values
from shared.contracts.errors import InputError, Malformed
from shared.contracts.ids import new_id
from shared.contracts.messages import TableForm
from shared.contracts.objects import sweep_object
from shared.runtime.objects import Objects

EXPORT_SECONDS = 60.0
VARY = "Authorization, Accept"

Format = Literal["json", "csv", "arrow", "parquet"]


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
        form = _form(request, format)
        if form is None:
            message = messages.ListSweepResults(id=sweep_id, metric=metric, limit=limit or 50, cursor=cursor)
            variant = f"results.{metric}.{message.limit}.{cursor}"
            response = await gateway.read_entity(request, message, sweep_id, sweep_object, variant)
            response.headers["Vary"] = VARY
            return with_next_link(request, response)
        for name, given in (("metric", metric), ("limit", limit), ("cursor", cursor)):
            if given is not None:
                why = f"pages are for JSON; {MEDIA_TYPES[form]} holds all combinations in order"
                raise Malformed(f"{name}: {why}", errors=(InputError(f"/query/{name}", why),))
        return await _file(request, sweep_id, form)

    async def _file(request: Request[Any, Any, Any], sweep_id: str, form: TableForm) -> Response[Any]:
        """Answer with a file, or 304 to a client that has it: the digest of a result is known before its file is."""
        read = messages.ReadSweep(id=sweep_id)
        found = await gateway.look_up(request, read, sweep_object(known_id(sweep_id)), "doc")
        # Of what is cached from before the end there is none: then the tag is one that nobody has.
        digest = _RESULT.decode(found.body).result_digest or new_id()
        etag = f'"{digest[:32]}-{form}"'
        if matches(request.headers.get("if-none-match", ""), etag):
            headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": VARY}
            return Response(b"", status_code=304, headers=headers)
        export = messages.ExportSweepResults(id=sweep_id, form=form)
        reply = await gateway.ask(request, export, notes_of(request).caller, seconds=EXPORT_SECONDS)
        return await exported(objects, reply, form, f"sweep-{sweep_id}", etag)

    return Router("/sweeps", route_handlers=[results], tags=["Sweeps"])


class _Result(msgspec.Struct):
    result_digest: str | None = None


_RESULT = msgspec.json.Decoder(_Result)
_FORMS = (
    "Pages are ordered by `metric`, by the sweep's objective unless it is given: the highest first, of a volatility "
    "the lowest; where it is not defined comes last. The form is chosen by `Accept`: application/json, text/csv, "
    "application/vnd.apache.arrow.stream or application/vnd.apache.parquet; `format` (json, csv, arrow, parquet) is "
    "for those who cannot send that header."
)
_RESULTS = ResponseSpec(
    sweep_values.SweepRowPage, description="A page of combinations, or a file of all", generate_examples=False
)


def _form(request: Request[Any, Any, Any], chosen: Format | None) -> TableForm | None:
    if chosen is None:
        return table_form(request.headers.get("accept", ""))
    return None if chosen == "json" else chosen

"""The bars of a dataset: a page of JSON, or all of them as a file."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.core.table_forms import Format, table_form
from services.gateway.exported import VARY, refuse_pages, table_file
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import Gateway, known_id
from services.gateway.routes.paging import with_next_link
from services.gateway.table_operation import TableOperation
from shared.contracts import messages, values
from shared.contracts.objects import dataset_object
from shared.runtime.objects import Objects

BARS_A_PAGE = 50

_PAGE = ResponseSpec(values.BarPage, description="A page of bars, or a file of all", generate_examples=False)
_FORMS = (
    "The form is chosen by `Accept`, or by `format` (json, csv, arrow, parquet). Numbers in CSV read back as the same "
    "float64; a file of the bars can be uploaded again and is the same dataset, by its sha256."
)


def bars_route(gateway: Gateway, objects: Objects) -> HTTPRouteHandler:
    """Return the route under /datasets."""

    @get(
        "/{dataset_id:str}/bars",
        responses={**PROBLEMS, 200: _PAGE},
        summary="Read a page of bars as JSON, or all as CSV, Arrow or Parquet",
        description=_FORMS,
        operation_class=TableOperation,
    )
    async def bars(
        request: Request[Any, Any, Any],
        dataset_id: FromPath[str],
        start: Annotated[date | None, QueryParameter(description="The first day, in the dataset's time zone")] = None,
        end: Annotated[date | None, QueryParameter(description="The last day")] = None,
        limit: Annotated[int | None, QueryParameter(ge=1, le=200, description="50 by default")] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        format: FromQuery[Format | None] = None,  # noqa: A002  # the parameter's name in the query
    ) -> Response[Any]:
        form = table_form(request.headers.get("accept", ""), format)
        if form is None:
            message = messages.ListBars(id=dataset_id, start=start, end=end, limit=limit or BARS_A_PAGE, cursor=cursor)
            variant = f"bars.{start}.{end}.{message.limit}.{cursor!r}"
            page = await gateway.read_entity(request, message, dataset_id, dataset_object, variant)
            page.headers["Vary"] = VARY
            return with_next_link(request, page)
        refuse_pages(form, "all the bars", limit=limit, cursor=cursor)
        found = await gateway.look_up(
            request, messages.ReadDataset(id=dataset_id), dataset_object(known_id(dataset_id)), "doc"
        )
        dataset = msgspec.json.decode(found.body, type=values.Dataset)
        # The file is made of the content alone, so that it need not be made to be named. A period may be none.
        is_period = start is None or end is None or start <= end
        content = f"{dataset.sha256[:16]}-{start or ''}-{end or ''}" if is_period else None
        export = messages.ExportBars(id=dataset_id, form=form, start=start, end=end)
        name = f"{dataset.symbol}-{dataset.interval}"
        return await table_file(gateway, objects, request, export, name=name, content=content)

    return bars

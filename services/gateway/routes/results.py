"""What a backtest left: its equity curve, its trades, its report."""

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter

from services.gateway.core.table_forms import Format, table_form
from services.gateway.exported import VARY, refuse_pages, result_in, table_file
from services.gateway.notes import notes_of
from services.gateway.problems import PROBLEMS
from services.gateway.read_path import HTML, Gateway, answer, known_id
from services.gateway.routes.paging import with_next_link
from services.gateway.table_operation import TableOperation
from shared.contracts import messages, values
from shared.contracts.objects import backtest_object
from shared.runtime.objects import Objects

REPORT_SECONDS = 20.0

# The page says the same of itself; this holds even where a proxy has changed it.
_REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def result_routes(gateway: Gateway, objects: Objects) -> Router:
    """Return the routes under /backtests/{id}."""

    @get(
        "/{backtest_id:str}/equity",
        responses={**PROBLEMS, 200: _EQUITY},
        summary="Read the equity curve as JSON, CSV, Arrow or Parquet",
        description=f"{_FORMS} {_LONG}",
        operation_class=TableOperation,
    )
    async def equity(
        request: Request[Any, Any, Any],
        backtest_id: FromPath[str],
        points: Annotated[int | None, QueryParameter(ge=2, le=1_000_000, description="At most this many")] = None,
        format: FromQuery[Format | None] = None,  # noqa: A002  # the parameter's name in the query
    ) -> Response[Any]:
        form = table_form(request.headers.get("accept", ""), format)
        if form is None:
            message = messages.ReadEquity(id=backtest_id, points=points)
            return _varied(
                await gateway.read_entity(request, message, backtest_id, backtest_object, f"equity.{points}")
            )
        export = messages.ExportEquity(id=backtest_id, form=form, points=points)
        return await _file(request, export, "equity" if points is None else f"equity-{points}")

    @get(
        "/{backtest_id:str}/trades",
        responses={**PROBLEMS, 200: _TRADES},
        summary="List the trades in order of entry as JSON, or all as CSV, Arrow or Parquet",
        description=_FORMS,
        operation_class=TableOperation,
    )
    async def trades(
        request: Request[Any, Any, Any],
        backtest_id: FromPath[str],
        limit: Annotated[int | None, QueryParameter(ge=1, le=200, description="50 by default")] = None,
        cursor: Annotated[str | None, QueryParameter(max_length=2048)] = None,
        format: FromQuery[Format | None] = None,  # noqa: A002  # the parameter's name in the query
    ) -> Response[Any]:
        form = table_form(request.headers.get("accept", ""), format)
        if form is None:
            message = messages.ListTrades(id=backtest_id, limit=limit or 50, cursor=cursor)
            variant = f"trades.{message.limit}.{cursor!r}"
            response = await gateway.read_entity(request, message, backtest_id, backtest_object, variant)
            return _varied(with_next_link(request, response))
        refuse_pages(form, "all the trades", limit=limit, cursor=cursor)
        return await _file(request, messages.ExportTrades(id=backtest_id, form=form), "trades")

    @get(
        "/{backtest_id:str}/report",
        responses=PROBLEMS,
        summary="Read the report, one HTML page that needs nothing else",
        media_type="text/html",
    )
    async def report(request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> Response[str]:
        # Not cached: it is of the run and of its dataset, which may be deleted, and a cached answer is of one object.
        message = messages.RenderReport(id=known_id(backtest_id))
        reply = await gateway.ask(request, message, notes_of(request).caller, seconds=REPORT_SECONDS)
        response = answer(request, reply.body, media_type=HTML)
        response.headers["Content-Security-Policy"] = _REPORT_POLICY
        response.headers["Content-Disposition"] = f'inline; filename="backtest-{backtest_id}.html"'
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _file(
        request: Request[Any, Any, Any], export: messages.ExportEquity | messages.ExportTrades, name: str
    ) -> Response[Any]:
        """Answer with a file, or 304 to a client that has it: the digest of a result is known before its files are."""
        read = messages.ReadBacktest(id=export.id)
        found = await gateway.look_up(request, read, backtest_object(known_id(export.id)), "doc")
        content = (digest := result_in(found.body)) and f"{digest}-{name}"
        return await table_file(gateway, objects, request, export, name=f"backtest-{export.id}-{name}", content=content)

    return Router("/backtests", route_handlers=[equity, trades, report], tags=["Backtests"])


_FORMS = (
    "The form is chosen by `Accept`: application/json, text/csv, application/vnd.apache.arrow.stream or "
    "application/vnd.apache.parquet; `format` (json, csv, arrow, parquet) is for those who cannot send that header. "
    "Numbers in CSV read back as the same float64."
)
_LONG = "JSON holds 200,000 points at most, of a longer run its ends and extremes; a file holds every bar."
_EQUITY = ResponseSpec(values.EquityCurve, description="The curve, or a file of it", generate_examples=False)
_TRADES = ResponseSpec(values.TradePage, description="A page of trades, or a file of all", generate_examples=False)


def _varied(response: Response[Any]) -> Response[Any]:
    response.headers["Vary"] = VARY
    return response

"""Equity curves, trades and reports through their handlers."""

import io
from typing import Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.reports import ReportHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs
from services.backtest.tests.steps import queued
from shared.contracts.errors import Conflict, Malformed, NotFound, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import ExportEquity, ExportTrades, ListTrades, ReadEquity, RenderReport
from shared.contracts.objects import backtest_object
from shared.contracts.values import Backtest, Dataset, EquityCurve, EquityPoint, Execution, Export, Trade, TradePage
from shared.runtime.bus.server import Answer, Call
from shared.runtime.objects import Objects

pytestmark = pytest.mark.integration


@pytest.fixture
async def run(jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, ana: Call) -> Backtest:
    """Ana's SMA cross, done."""
    made = await queued(backtests, ana, dataset, execution=Execution(initial_cash=10_000, lot_size=1))
    assert await JobLoop(jobs, lambda _: None).work()
    return made


async def curve_of(results: ResultHandlers, run: Backtest, call: Call, points: int | None = None) -> list[EquityPoint]:
    """The points of a curve."""
    answer = await results.read_equity(ReadEquity(id=run.id, points=points), call)
    assert isinstance(answer.value, bytes)
    assert answer.versions == {backtest_object(run.id): 3}
    return msgspec.json.decode(answer.value, type=EquityCurve).items


async def test_the_curve_has_a_point_for_every_bar(
    results: ResultHandlers, run: Backtest, dataset: Dataset, ana: Call
) -> None:
    """Whole by default, from the first bar to the last, with the fields and signs of the contract."""
    curve = await curve_of(results, run, ana)
    assert (len(curve), curve[0].time, curve[-1].time) == (dataset.rows, dataset.start, dataset.end)
    assert curve[0].equity == 10_000
    assert curve[-1].equity == pytest.approx(148_240.55951952402, rel=1e-9)
    assert min(point.drawdown for point in curve) == pytest.approx(-0.4780994910747772, rel=1e-9)
    assert all(point.drawdown <= 0 <= point.position for point in curve)


async def test_fewer_points_keep_the_ends_and_the_extremes(results: ResultHandlers, run: Backtest, ana: Call) -> None:
    """A curve drawn from a few hundred points begins, ends, peaks and bottoms where the whole does."""
    whole = await curve_of(results, run, ana)
    few = await curve_of(results, run, ana, points=300)
    assert 250 <= len(few) <= 300
    assert (few[0], few[-1]) == (whole[0], whole[-1])
    for extreme in (min, max):
        assert extreme(point.equity for point in few) == extreme(point.equity for point in whole)
    assert set(few) <= set(whole)


async def test_trades_are_paged_in_order_of_entry(results: ResultHandlers, run: Backtest, ana: Call) -> None:
    """Following the cursor shows every trade once; the last page has none."""
    seen: list[Trade] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        answer = await results.list_trades(ListTrades(id=run.id, limit=20, cursor=cursor), ana)
        assert isinstance(answer.value, TradePage)
        assert answer.versions == {backtest_object(run.id): 3}
        seen += answer.value.items
        cursor = answer.value.next_cursor
        pages += 1
    assert (len(seen), pages) == (85, 5)
    assert [trade.entry_time for trade in seen] == sorted({trade.entry_time for trade in seen})
    first = seen[0]
    assert (first.side, first.quantity, first.status, first.exit_reason) == ("long", 2525, "closed", "signal")
    assert (first.entry_time.date().isoformat(), first.bars) == ("2000-05-02", 3)


async def fetched(answer: Answer, objects: Objects, run: Backtest) -> bytes:
    """The file that an export made."""
    assert isinstance(answer.value, Export)
    assert answer.versions == {backtest_object(run.id): 3}
    return await objects.get(answer.value.object_key)


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
async def test_a_result_can_be_taken_away_whole(
    results: ResultHandlers, run: Backtest, objects: Objects, ana: Call, form: Literal["csv", "arrow", "parquet"]
) -> None:
    """Every point and every trade, as many as in JSON, the last one with the same numbers."""
    curve = await fetched(await results.export_equity(ExportEquity(id=run.id, form=form), ana), objects, run)
    trades = await fetched(await results.export_trades(ExportTrades(id=run.id, form=form), ana), objects, run)
    last = (await curve_of(results, run, ana))[-1]
    if form == "csv":
        lines = curve.decode().splitlines()
        assert (len(lines), len(trades.decode().splitlines())) == (3271, 86)
        assert lines[-1] == f"{last.time:%Y-%m-%dT%H:%M:%SZ},{last.equity!r},{last.drawdown!r},0"
        return
    tables = [
        pq.read_table(io.BytesIO(file)) if form == "parquet" else pa.ipc.open_stream(file).read_all()
        for file in (curve, trades)
    ]
    assert [len(table) for table in tables] == [3270, 85]
    assert tables[0].to_pylist()[-1] == msgspec.structs.asdict(last)


async def test_an_export_can_have_fewer_points(
    results: ResultHandlers, run: Backtest, objects: Objects, ana: Call
) -> None:
    """The same as the JSON has."""
    message = ExportEquity(id=run.id, form="csv", points=300)
    lines = (await fetched(await results.export_equity(message, ana), objects, run)).decode().splitlines()
    assert len(lines) - 1 == len(await curve_of(results, run, ana, points=300))


async def test_a_report_is_of_the_run(reports: ReportHandlers, run: Backtest, dataset: Dataset, ana: Call) -> None:
    """One page with the dataset's name, the run's digest, its first trade and its strategy."""
    answer = await reports.render(RenderReport(id=run.id), ana)
    assert isinstance(answer.value, bytes)
    assert answer.versions == {backtest_object(run.id): 3}
    page = answer.value.decode()
    assert page.startswith("<!doctype html>")
    for part in (dataset.name, dataset.sha256, run.id, "1,382.41", "85 trades.", "sma(close, fast)", "3,270 bars"):
        assert part in page, part


async def test_a_report_outlives_its_dataset(
    reports: ReportHandlers, run: Backtest, objects: Objects, ana: Call
) -> None:
    """Without the bars, and without the dataset's row, the rest of it is there as before."""
    assert objects.folder is not None
    for path in (objects.folder / "datasets").rglob("*.arrow"):
        path.unlink()
    answer = await reports.render(RenderReport(id=run.id), ana)
    assert isinstance(answer.value, bytes)
    assert b"The dataset has been deleted, and the prices with it." in answer.value
    assert b"85 trades." in answer.value


async def test_a_cursor_holds_for_its_own_run(results: ResultHandlers, run: Backtest, ana: Call) -> None:
    """A cursor of another run, and a text that is none, are refused."""
    page = (await results.list_trades(ListTrades(id=run.id, limit=20), ana)).value
    assert isinstance(page, TradePage)
    for backtest_id, cursor in ((new_id(), page.next_cursor), (run.id, "x"), (run.id, "WyJ4Il0")):
        with pytest.raises(Malformed):
            await results.list_trades(ListTrades(id=backtest_id, cursor=cursor), ana)


async def test_there_is_no_result_before_the_end(
    results: ResultHandlers,
    reports: ReportHandlers,
    backtests: BacktestHandlers,
    jobs: Jobs,
    dataset: Dataset,
    ana: Call,
    ben: Call,
) -> None:
    """Until the run has succeeded, and when it failed, the answer says so; another's run is not found either way."""
    run = await queued(backtests, ana, dataset)
    for call, error, sentence in ((ana, Conflict, "is queued"), (ben, NotFound, "no such")):
        with pytest.raises(error, match=sentence):
            await results.read_equity(ReadEquity(id=run.id), call)
        with pytest.raises(error, match=sentence):
            await results.list_trades(ListTrades(id=run.id), call)
        with pytest.raises(error, match=sentence):
            await results.export_equity(ExportEquity(id=run.id, form="csv"), call)
        with pytest.raises(error, match=sentence):
            await results.export_trades(ExportTrades(id=run.id, form="csv"), call)
        with pytest.raises(error, match=sentence):
            await reports.render(RenderReport(id=run.id), call)
    taken = await jobs.take()
    assert taken is not None
    with pytest.raises(Conflict, match="is running"):
        await results.read_equity(ReadEquity(id=run.id), ana)
    await jobs.fail(taken, "the reason")
    with pytest.raises(Conflict, match="the reason"):
        await results.read_equity(ReadEquity(id=run.id), ana)


async def test_a_result_whose_file_is_away_is_unavailable(
    results: ResultHandlers, run: Backtest, objects: Objects, ana: Call
) -> None:
    """A file that cannot be found is no reason to say that the run does not exist."""
    assert objects.folder is not None
    for path in (objects.folder / "results").rglob("*.arrow"):
        path.unlink()
    with pytest.raises(Unavailable):
        await results.read_equity(ReadEquity(id=run.id), ana)

"""The whole service over the bus: everything is wired to everything it needs."""

from pathlib import Path

import msgspec
import pytest

from services.backtest.app import compose
from services.backtest.settings import BacktestSettings
from services.backtest.tests.fakes import SMA_CROSS, apple, csv_of
from services.backtest.tests.steps import until, upload
from shared.contracts import messages
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.values import EquityCurve, Execution, Principal
from shared.runtime.bus.caller import Caller
from shared.runtime.environment import load
from shared.runtime.health import Readiness
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import Settings

pytestmark = pytest.mark.integration


async def test_upload_backtest_and_read_over_the_bus(
    database_url: str, bus_url: str, tmp_path: Path, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an upload to the trades of a run, with the service's own workers, as the gateway does it."""
    url = (tmp_path / "objects").as_uri()
    # The workers are processes and read the same environment.
    for name, value in {
        "DATABASE_URL": database_url,
        "BUS_URL": bus_url,
        "DATA_DIR": str(tmp_path),
        "OBJECT_STORE_URL": url,
        "BACKTEST_WORKERS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    service = compose(load(BacktestSettings))
    client = Service("tester", Settings(bus_url=bus_url, data_dir=tmp_path, object_store_url=url), objects=objects)
    caller = client.caller()
    async with service.running(), client.running():
        await _journey(caller, objects)


async def _journey(caller: Caller, objects: Objects) -> None:
    ana = Principal(user_id=new_id())

    async def healthy() -> bool:
        reply = await caller.ask(messages.CheckHealth(), service="backtest")
        readiness = msgspec.json.decode(reply.body, type=Readiness)
        return readiness.status == "ok" and "workers" in readiness.checks

    await until(healthy, seconds=600)  # its workers may have to compile the engine
    report, _ = await caller.call(messages.ValidateSpec(spec=SMA_CROSS), ana)
    assert report.valid
    key = await upload(objects, csv_of(apple()))
    dataset, _ = await caller.call(messages.IngestDataset(upload_key=key, filename="aapl.csv"), ana, seconds=30)
    assert (await caller.call(messages.ReadDataset(id=dataset.id), ana))[0] == dataset
    assert (await caller.call(messages.ListDatasets(), ana))[0].items == [dataset]
    run, _ = await caller.call(
        messages.CreateBacktest(
            dataset_id=dataset.id, spec=SMA_CROSS, execution=Execution(initial_cash=10_000, lot_size=1)
        ),
        ana,
    )

    async def succeeded() -> bool:
        return (await caller.call(messages.ReadBacktest(id=run.id), ana))[0].status == "succeeded"

    with pytest.raises(Conflict):
        await caller.call(messages.ListTrades(id=run.id), ana)
    await until(succeeded, seconds=60)
    done = (await caller.call(messages.ListBacktests(sort="-sharpe"), ana))[0].items
    assert [found.id for found in done] == [run.id]
    # Whole it is too large for the bus, and comes by way of the object store.
    reply = await caller.ask(messages.ReadEquity(id=run.id), ana)
    assert len(reply.body) > 256 * 1024
    assert len(msgspec.json.decode(reply.body, type=EquityCurve).items) == dataset.rows
    trades, _ = await caller.call(messages.ListTrades(id=run.id, limit=200), ana)
    assert len(trades.items) == 85
    with pytest.raises(NotFound):
        await caller.call(messages.ReadBacktest(id=run.id), Principal(user_id=new_id()))
    # Nobody answers for the strategy service here, and the caller still hears in time that nothing was started.
    with pytest.raises(Unavailable, match="nothing was started"):
        await caller.call(messages.CreateBacktest(dataset_id=dataset.id, strategy_id=new_id()), ana, seconds=1)

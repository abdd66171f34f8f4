"""The composition root: what the service is made of, and what it answers."""

from services.backtest.exports import Exports
from services.backtest.finished_runs import FinishedRuns
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.bars import BarHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.indicators import list_indicators
from services.backtest.handlers.prefix_tests import PrefixTestHandlers
from services.backtest.handlers.reports import ReportHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.handlers.specs import SpecHandlers, validate_spec
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.ingest_pool import IngestPool
from services.backtest.job_queue import Backlog, JobQueue
from services.backtest.kernel_cache import kernel_cache
from services.backtest.migrations.indexes import INDEXES
from services.backtest.progress import publisher
from services.backtest.queue_figures import QueueFigures
from services.backtest.retention import Retention
from services.backtest.settings import BacktestSettings
from services.backtest.strategies import BusStrategies
from shared.contracts import messages
from shared.runtime.bus.server import RequestServer
from shared.runtime.care.caring import care_for
from shared.runtime.care.expiry import Rule
from shared.runtime.children import Children
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from shared.runtime.once import Once
from shared.runtime.service import Service
from shared.runtime.versions import Versions
from shared.told_database import told_database

WORKER = "services.backtest.worker"


def compose(settings: BacktestSettings) -> Service:
    """Return the service with its workers, wired. Raises SettingsError for an object store that cannot be."""
    objects = Objects(settings.objects_url())
    service = Service("backtest", settings, objects=objects)
    database = told_database(service, settings, keeper="backtest")
    readers = _readers(service)
    exports = Exports(objects)
    strategies, publish = BusStrategies(service.caller()), publisher(service)
    queue = _queue(service, database, settings)
    specs = SpecHandlers(database, service.clock, queue)
    prefix_tests = PrefixTestHandlers(database, service.clock, queue, strategies)
    datasets = DatasetHandlers(database, service.clock, objects, readers)
    bars = BarHandlers(database, objects, exports)
    backtests = BacktestHandlers(database, service.clock, queue, strategies)
    endings = EndingHandlers(database, service.clock, queue, publish)
    runs = FinishedRuns(database, objects)
    results = ResultHandlers(runs, exports)
    reports = ReportHandlers(runs, database, objects)

    once = Once(database, service.clock)

    requests = service.requests()
    requests.handle(messages.ValidateSpec, validate_spec)
    requests.handle(messages.AcceptSpec, specs.accept)
    requests.handle(messages.ReadPrefixTest, prefix_tests.read)
    requests.handle(messages.ListIndicators, list_indicators)
    requests.handle(messages.IngestDataset, once(datasets.ingest))
    requests.handle(messages.ReadDataset, datasets.read)
    requests.handle(messages.ListDatasets, datasets.list_all)
    requests.handle(messages.DeleteDataset, once(datasets.delete))
    requests.handle(messages.ListBars, bars.list_bars)
    requests.handle(messages.ExportBars, bars.export)
    requests.handle(messages.CreateBacktest, once(backtests.create))
    requests.handle(messages.ReadBacktest, backtests.read)
    requests.handle(messages.ListBacktests, backtests.list_all)
    requests.handle(messages.CancelBacktest, once(endings.cancel))
    requests.handle(messages.VerifyBacktest, once(endings.verify))
    requests.handle(messages.DeleteBacktest, once(endings.delete))
    requests.handle(messages.ReadEquity, results.read_equity)
    requests.handle(messages.ListTrades, results.list_trades)
    requests.handle(messages.ExportEquity, results.export_equity)
    requests.handle(messages.ExportTrades, results.export_trades)
    requests.handle(messages.RenderReport, reports.render)
    service.checks("metrics").handle(messages.ReadVersions, Versions(database).read)
    _answer_about_sweeps(
        requests,
        once,
        SweepHandlers(database, service.clock, queue, strategies),
        SweepEndingHandlers(database, service.clock, publish),
        SweepResultHandlers(database, objects, exports),
    )
    old = [Rule("request_answers", once.forget), *_retention(service, database, objects, settings)]
    care_for(service, requests, database, settings, declared=INDEXES, rules=old)

    _keep_workers(service, settings)
    return service


def _answer_about_sweeps(
    requests: RequestServer,
    once: Once,
    sweeps: SweepHandlers,
    endings: SweepEndingHandlers,
    results: SweepResultHandlers,
) -> None:
    requests.handle(messages.CreateSweep, once(sweeps.create))
    requests.handle(messages.ReadSweep, sweeps.read)
    requests.handle(messages.ListSweeps, sweeps.list_all)
    requests.handle(messages.ListSweepResults, results.list_results)
    requests.handle(messages.ExportSweepResults, results.export)
    requests.handle(messages.CancelSweep, once(endings.cancel))
    requests.handle(messages.DeleteSweep, once(endings.delete))


def _retention(service: Service, database: Database, objects: Objects, settings: BacktestSettings) -> list[Rule]:
    return Retention(
        database,
        objects,
        service.clock,
        jobs_kept_days=settings.jobs_kept_days,
        uploads_kept_days=settings.uploads_kept_days,
    ).rules()


def _queue(service: Service, database: Database, settings: BacktestSettings) -> JobQueue:
    """Where the handlers put what workers are to do, counted for as long as the service runs."""
    backlog = Backlog()
    figures = QueueFigures(database, service.clock, backlog)
    service.background(figures.run)
    service.timings.gauges_from(figures.gauges)
    return JobQueue(service.clock, backlog, per_owner=settings.backtest_jobs_per_owner, of_all=settings.backtest_jobs)


def _readers(service: Service) -> IngestPool:
    """The processes that read uploads, until the service ends."""
    readers = IngestPool()
    service.closing(readers.close)
    return readers


def _keep_workers(service: Service, settings: BacktestSettings) -> None:
    """Have worker processes run for as long as the service does."""
    workers = Children(
        WORKER,
        settings.workers(),
        kernel_cache(settings.data_dir),
        stop_seconds=settings.drain_seconds,
        first_must_work=True,
    )
    service.background(workers.run)
    # First, so that the runs they hand back are free while this process finishes its requests.
    service.stopping(workers.stop)
    service.health.add("workers", workers.check)

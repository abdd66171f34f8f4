"""The composition root: what the service is made of, and what it answers."""

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.handlers.specs import validate_spec
from services.backtest.kernel_cache import kernel_cache
from services.backtest.progress import publisher
from services.backtest.settings import BacktestSettings
from services.backtest.strategies import BusStrategies
from shared.contracts import messages
from shared.runtime.children import Children
from shared.runtime.objects import Objects
from shared.runtime.service import Service

WORKER = "services.backtest.worker"


def compose(settings: BacktestSettings) -> Service:
    """Return the service with its workers, wired. Raises SettingsError for an object store that cannot be."""
    objects = Objects(settings.objects_url())
    service = Service("backtest", settings, objects=objects)
    database = service.database(settings, relay=True)
    datasets = DatasetHandlers(database, service.clock, objects)
    backtests = BacktestHandlers(database, service.clock, BusStrategies(service.caller()))
    endings = EndingHandlers(database, service.clock, publisher(service))
    results = ResultHandlers(database, objects)

    requests = service.requests()
    requests.handle(messages.ValidateSpec, validate_spec)
    requests.handle(messages.IngestDataset, datasets.ingest)
    requests.handle(messages.ReadDataset, datasets.read)
    requests.handle(messages.ListDatasets, datasets.list_all)
    requests.handle(messages.CreateBacktest, backtests.create)
    requests.handle(messages.ReadBacktest, backtests.read)
    requests.handle(messages.ListBacktests, backtests.list_all)
    requests.handle(messages.CancelBacktest, endings.cancel)
    requests.handle(messages.VerifyBacktest, endings.verify)
    requests.handle(messages.DeleteBacktest, endings.delete)
    requests.handle(messages.ReadEquity, results.read_equity)
    requests.handle(messages.ListTrades, results.list_trades)

    workers = Children(WORKER, settings.workers(), kernel_cache(settings.data_dir), stop_seconds=settings.drain_seconds)
    service.background(workers.run)
    # First, so that the runs they hand back are free while this process finishes its requests.
    service.stopping(workers.stop)
    service.health.add("workers", workers.check)
    return service

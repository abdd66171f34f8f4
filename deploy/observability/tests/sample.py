"""A /metrics of a platform that is at work: some series of every metric, with labels as they really are."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from services.metrics.core.metric import Metric
from services.metrics.core.names import METRICS
from services.metrics.core.totals import Labels, Series
from services.metrics.exposition import Exposition

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "service": ("gateway", "strategy"),
    "process": ("1", "2"),
    "method": ("GET", "POST"),
    "route": ("/api/v1/strategies", "/api/v1/strategies/{strategy_id}"),
    "status": ("200", "404", "503"),
    "status_class": ("2xx", "5xx"),
    "outcome": ("ok", "not-found"),
    "stage": ("bus", "database"),
    "type": ("strategy", "strategies"),
    "reason": ("older",),
    "layer": ("l1", "l2"),
    "window": ("0s", "10s", "60s"),
    "what": ("sessions",),
    "where": ("database", "l1", "l2"),
    "keeper": ("strategy", "backtest"),
    "kind": ("backtest", "sweep_slice"),
    "state": ("queued", "running"),
    "stream": ("aurelius.events.strategy", "aurelius.dead.rpc.strategy"),
    "group": ("invalidator",),
    "table": ("strategies",),
    "server": ("bus", "cache"),
    "version": ("0.1.0",),
    "python": ("3.13.1",),
}
_OF_METRICS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "aurelius_rpc_server_duration_seconds": {"method": ("strategy.read", "strategy.list")},
    "aurelius_rpc_client_duration_seconds": {"method": ("strategy.read", "strategy.list")},
    "aurelius_cache_raises_total": {"outcome": ("raised", "taken_back", "refused", "unanswered")},
    "aurelius_cache_probes_total": {"kind": ("version", "body")},
    "aurelius_cache_inconsistencies_total": {"kind": ("version", "body")},
    "aurelius_job_duration_seconds": {"outcome": ("succeeded", "failed", "left")},
    "aurelius_job_stage_duration_seconds": {"stage": ("wait", "compute", "store")},
    "aurelius_database_pool_connections": {"state": ("used", "idle")},
    "aurelius_timing_batches_total": {"outcome": ("applied", "stale", "unreadable")},
}


def everything(times: int) -> dict[str, Series]:
    """All metrics, after `times` rounds of work."""
    return {
        metric.name: {labels: _vector(metric, times) for labels in itertools.product(*_labels(metric))}
        for metric in METRICS
    }


def _labels(metric: Metric) -> Iterator[Labels]:
    special = _OF_METRICS.get(metric.name, {})
    return (special.get(name, _VALUES[name]) for name in metric.labels)


def _vector(metric: Metric, times: int) -> list[float]:
    if metric.kind == "histogram":
        return [*(float(times) for _ in range(metric.size - 1)), 12.5 * times]
    return [float(times) if metric.kind == "counter" else 3.0]


@contextmanager
def served() -> Iterator[str]:
    """Serve it on a free port of this machine, each time after one round more; yield `host:port`."""
    rounds, exposition = itertools.count(1), Exposition()

    class Metrics(BaseHTTPRequestHandler):
        """GET of anything."""

        def do_GET(self) -> None:  # so it is called by the base class
            text = asyncio.run(exposition.render(everything(next(rounds)), "prometheus"))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

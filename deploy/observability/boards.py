"""What the dashboards show of requests and of the platform as a whole, and the list of them all."""

from typing import Final

from deploy.observability.inner_boards import BUS_AND_JOBS, CACHE, DATABASE, PROCESSES
from deploy.observability.panels import Board, Panel, quantile, rate

_HTTP: Final = "aurelius_http_request_duration_seconds"
_BY_STATUS: Final = Panel(
    "Requests by status", [(rate("aurelius_http_requests_total", "status"), "{{status}}")], "reqps"
)
_PERCENTILES: Final = Panel(
    "Time of requests", [(f"job:{_HTTP}:{share}_5m", share) for share in ("p50", "p95", "p99")], "s"
)

OVERVIEW: Final = Board(
    "overview",
    "Overview",
    [
        Panel("Requests", [("sum(job:aurelius_http_requests:rate5m)", "a second")], "reqps", "stat", 4, 4),
        Panel("Failed", [("job:aurelius_http_errors:ratio_rate5m", "5xx")], "percentunit", "stat", 4, 4, 0.01),
        Panel("Slow", [(f"job:{_HTTP}:p95_5m", "p95")], "s", "stat", 4, 4, 0.25),
        Panel("Cached", [("job:aurelius_cache_hits:ratio_rate5m", "of reads")], "percentunit", "stat", 4, 4),
        Panel(
            "Served too old",
            [('sum(aurelius_cache_inconsistencies:increase10m{window=~"10s|60s"})', "in 10 minutes")],
            kind="stat",
            width=4,
            height=4,
            red_from=1,
        ),
        Panel(
            "Alerts",
            [('count(ALERTS{alertname=~"Aurelius.+", alertstate="firing"}) or vector(0)', "firing")],
            kind="stat",
            width=4,
            height=4,
            red_from=1,
        ),
        _BY_STATUS,
        _PERCENTILES,
        Panel("Services", [("aurelius_service_processes", "{{service}}")]),
        Panel("Servers that answer", [("aurelius_redis_up", "{{server}}")], kind="stat", height=4),
        Panel("Services that are up", [("aurelius_service_up", "{{service}}")], kind="stat", height=4),
        Panel("Release", [("aurelius_build_info", "{{version}}, Python {{python}}")], kind="stat", height=4),
    ],
)

REQUESTS: Final = Board(
    "requests",
    "Requests",
    [
        _BY_STATUS,
        _PERCENTILES,
        Panel(
            "All requests by their time",
            [(f"sum by (le) (increase({_HTTP}_bucket[$__rate_interval]))", "{{le}}")],
            kind="heatmap",
        ),
        Panel(
            "Most asked for",
            [("topk(10, route:aurelius_http_requests:rate5m)", "{{method}} {{route}}")],
            "reqps",
            width=12,
        ),
        Panel("Slowest, p95", [(f"topk(10, route:{_HTTP}:p95_5m)", "{{method}} {{route}}")], "s", width=12),
        Panel(
            "Failed",
            [
                (
                    rate('aurelius_http_requests_total{status=~"5.."}', "method", "route", "status"),
                    "{{status}} {{method}} {{route}}",
                )
            ],
            "reqps",
            width=12,
        ),
        Panel(
            "Refused",
            [
                (
                    rate('aurelius_http_requests_total{status=~"4.."}', "method", "route", "status"),
                    "{{status}} {{method}} {{route}}",
                )
            ],
            "reqps",
            width=12,
        ),
        Panel(
            "Where the gateway's time goes, p95",
            [(quantile(0.95, "aurelius_stage_duration_seconds", "stage", where='service="gateway"'), "{{stage}}")],
            "s",
        ),
        Panel(
            "Slowest in the services, p95",
            [("topk(10, rpc:aurelius_rpc_server_duration_seconds:p95_5m)", "{{service}} {{method}}")],
            "s",
        ),
        Panel(
            "Waited for services, p95",
            [
                (
                    f"topk(10, {quantile(0.95, 'aurelius_rpc_client_duration_seconds', 'service', 'method')})",
                    "{{service}} {{method}}",
                )
            ],
            "s",
        ),
        Panel(
            "Errors of services",
            [
                (
                    rate('aurelius_rpc_server_duration_seconds_count{outcome!="ok"}', "method", "outcome"),
                    "{{outcome}} {{method}}",
                )
            ],
            "reqps",
        ),
    ],
)

BOARDS: Final = (OVERVIEW, REQUESTS, CACHE, BUS_AND_JOBS, DATABASE, PROCESSES)

"""What scrapes cost, and whether the metrics service stood still for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from timeit import timeit

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from bench.serving.exposed import samples_of
from bench.verdict import in_words

MOST, STALL = 0.020, 0.025
"""Seconds: the p95 of a scrape, and what the loop may stand still for, on a machine that does nothing else."""
LAG = "aurelius_event_loop_lag_seconds_bucket"


@dataclass(slots=True)
class Scraped:
    """One form: seconds of each scrape, processor time of each in the metrics service and the gateway, bytes, series.

    `probes` are the seconds that the metrics service took meanwhile to say that it lives.
    """

    form: str
    seconds: list[float] = field(default_factory=list)
    service_cpu: float = 0.0
    gateway_cpu: float = 0.0
    sent: int = 0
    size: int = 0
    series: int = 0
    probes: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool:
        """Whether it is as fast as it must be."""
        return at(self.seconds, 0.95) <= MOST


@dataclass(slots=True)
class Seldom:
    """Seconds of scrapes as far apart as Prometheus' own, and of answers that take no work at all, as far apart."""

    every: float
    scrapes: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)


class _Families:
    """What prometheus-client makes a text of: the families of a text."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def peer_seconds(text: str) -> float:
    """Return how long prometheus-client takes to write the series of a text, the least of five times."""
    families = _Families(text)
    return min(timeit(lambda: generate_latest(families), number=1) for _ in range(5))


def at(seconds: Sequence[float], share: float) -> float:
    """Return a percentile, by the nearest rank."""
    ascending = sorted(seconds)
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


def stood_still(without: Sequence[float], scraped: Sequence[Scraped]) -> bool:
    """Whether the loop stood still for longer than it may, and than it does without scrapes."""
    return max(max(each.probes) for each in scraped) > max(STALL, *without)


def latest(before: str, after: str) -> str:
    """Return how late the metrics service's own loop woke up at most between two texts, as the buckets tell it."""
    known = _lags(before)
    grown = {bound: number - known.get(bound, 0) for bound, number in _lags(after).items()}
    longest = next(bound for bound, number in grown.items() if number == grown["+Inf"])
    return f"above {list(grown)[-2]} s" if longest == "+Inf" else f"at most {longest} s"


def _lags(text: str) -> dict[str, float]:
    """Return the buckets of the metrics service's histogram: how many woke up at most so late, by the bound."""
    return {
        sample.labels["le"]: sample.value
        for sample in samples_of(text)
        if sample.name == LAG and sample.labels["service"] == "metrics"
    }


def report(without: Sequence[float], scraped: Sequence[Scraped], lag: str, seldom: Seldom, peer: float) -> str:
    """Return the tables and the verdicts."""
    head = ["form", "series", "bytes", "bytes sent", "median ms", "p95 ms", "worst ms"]
    head += ["CPU of the metrics service, ms", "CPU of the gateway, ms", f"p95 at most {MOST * 1e3:g} ms"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for each in scraped:
        cells = [each.form, f"{each.series:,}" if each.series else "", f"{each.size:,}", f"{each.sent:,}"]
        cells += [f"{value * 1e3:.1f}" for value in (median(each.seconds), at(each.seconds, 0.95), max(each.seconds))]
        cells += [f"{each.service_cpu * 1e3:.1f}", f"{each.gateway_cpu * 1e3:.1f}", in_words(each.met)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| the metrics service says that it lives | asked | median ms | p99 ms | worst ms |",
        "|---|---|---|---|---|",
    ]
    for name, probes in {"without scrapes": without, **{each.form: each.probes for each in scraped}}.items():
        times = [f"{value * 1e3:.1f}" for value in (median(probes), at(probes, 0.99), max(probes))]
        lines.append(f"| {' | '.join([name, f'{len(probes):,}', *times])} |")
    still = in_words(not stood_still(without, scraped))
    lines += ["", f"- No answer later than {STALL * 1e3:g} ms, or than without scrapes: {still}."]
    lines.append(f"- By its own account the metrics service's loop woke up {lag} late in all this time.")
    lines += [
        f"- One in {seldom.every:g} s, as Prometheus asks: {_times(seldom.scrapes)}. An answer of the gateway without "
        f"work (`/health/live`), as seldom: {_times(seldom.nothing)}: what was not done for a while takes longer.",
        f"- prometheus-client takes {peer * 1e3:.1f} ms of a processor to write the same series, over and over and "
        "nothing else.",
    ]
    return "\n".join(lines)


def _times(seconds: Sequence[float]) -> str:
    return f"median {median(seconds) * 1e3:.1f} ms, worst {max(seconds) * 1e3:.1f} ms of {len(seconds)}"

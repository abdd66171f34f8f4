"""What was found, as Markdown."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.caching.read_mix import RATE, Mixed
from bench.caching.rounds import MOST_ELSEWHERE, Sample, middle, ratio
from bench.caching.servers import BARE, Servers
from bench.caching.verdicts import HIT_RATE, Found, Verdict, cpu, p99, rate, verdicts
from bench.verdict import in_words

_FULL, _IDLE = 0.9, 0.9
"""Of a processor: a load that used more, or a server that used less, may not show what the server can."""

_SERVER = ["requests/s", "CPU, us", "CPU of all, us"]
"""Of the server's process, and with the caches, databases and services behind it."""


def report(servers: Servers, machine: str, everything: Sequence[Found], mixes: Sequence[Mixed]) -> tuple[str, bool]:
    """Return the text, and whether all that is asked for was found."""
    told = verdicts(servers, everything)
    blocks = [
        [machine],
        _table("Before and after", ["cache", *_SERVER, "p50 ms", "p99 ms"], _before_and_after(servers, everything)),
        _table("Against the bare application and the monolith", _ASKED, _asked(told)),
        _table("Hits", ["server", *_SERVER, "busy", "CPU to the bare application's"], _hits(everything)),
        _table("Without a cache", _PEER, _against_peer(everything, "off", servers.monolith_off.name)),
        _table("Misses", _PEER, _against_peer(everything, "misses", servers.monolith.name)),
        _table("Latency at half of the monolith's load", _STEADY, _steady(everything)),
        *map(_mix, mixes),
        list(_notes(everything)),
    ]
    met = all(each.met for each in told) and all(mix.total.rate > HIT_RATE for mix in mixes[:1])
    return "\n\n".join("\n".join(block) for block in blocks if block), met


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table whose first column is the read; nothing without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    head = ["read", *columns]
    return [f"#### {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines] if lines else []


def _before_and_after(servers: Servers, everything: Sequence[Found]) -> Iterator[list[str]]:
    for found in everything:
        rows = {"off": found.off.get(servers.off.name), "L2": found.hits.get(servers.shared.name)}
        rows["L1"] = found.hits.get(servers.local.name) if servers.local else None
        for name, samples in rows.items():
            if samples:
                times = [_ms(samples, lambda sample: sample.p50), _ms(samples, p99)]
                yield [f"{found.name}, {found.size:,} bytes", name, *_server(samples), *times]


_ASKED = ["what", "ratio (least - greatest)", "the bare application's", "asked for", ""]


def _asked(told: Sequence[Verdict]) -> Iterator[list[str]]:
    for each in told:
        bare = "" if each.bare is None else each.bare.told()
        met = f"{in_words(each.met)}{': more than the bare application does' if each.beyond and not each.met else ''}"
        yield [each.read, each.must.what, each.found.told(), bare, each.must.asked, met]


def _hits(everything: Sequence[Found]) -> Iterator[list[str]]:
    for found in everything:
        for name, samples in found.hits.items():
            times = ratio(found.hits, name, BARE, cpu).told() if name != BARE else ""
            yield [found.name, name, *_server(samples), f"{_busy(samples):.0%}", times]


_PEER = ["server", *_SERVER, "requests/s to the monolith's"]


def _against_peer(everything: Sequence[Found], part: str, peer: str) -> Iterator[list[str]]:
    for found in everything:
        for name, samples in getattr(found, part).items():
            times = ratio(getattr(found, part), name, peer, rate).told() if name != peer else ""
            yield [found.name, name, *_server(samples), times]


_STEADY = ["requests/s", "server", "p50 ms", "p99 ms (least - greatest)", "p99 ms late by the load itself"]


def _steady(everything: Sequence[Found]) -> Iterator[list[str]]:
    for found in everything:
        for name, samples in found.steady.items():
            least, greatest = min(map(p99, samples)) * 1e3, max(map(p99, samples)) * 1e3
            p50, late = _ms(samples, lambda sample: sample.p50), _ms(samples, lambda sample: sample.lag)
            spread = f"{_ms(samples, p99)} ({least:.2f} - {greatest:.2f})"
            yield [found.name, f"{found.rate:,.0f}", name, p50, spread, late]


def _mix(mix: Mixed) -> list[str]:
    met = in_words(mix.total.rate > HIT_RATE)
    return [
        f"#### Hit rate of the mixed load, with a write in {mix.write_in:,} requests",
        "",
        "| type | reads | hits | hit rate |",
        "|---|---|---|---|",
        *(
            f"| {kind} | {counts.reads:,} | {counts.hits:,} | {counts.rate:.1%} |"
            for kind, counts in {**mix.by_type, "all": mix.total}.items()
        ),
        "",
        f"{mix.requests:,} requests in {mix.seconds:.0f} s, {RATE:g} a second, after the time of warming up; all were",
        f"answered as they must be, and sent {mix.lag_p99 * 1e3:.2f} ms late at the p99. By Cache-Status the clients",
        f"saw {mix.seen.hits:,} hits in {mix.seen.reads:,} reads. Above {HIT_RATE:.0%}: {met}.",
    ]


def _notes(everything: Sequence[Found]) -> Iterator[str]:
    """Where a rate is not what the server can, or not of the layer: wrk was at its own end, or the server was not."""
    for found in everything:
        for name, samples in found.hits.items():
            load, busy = middle(samples, lambda sample: sample.load), _busy(samples)
            if load > _FULL:
                yield f"- {found.name}, {name}: wrk used {load:.0%} of its processor; the rate may be wrk's limit."
            elif busy < _IDLE:
                yield f"- {found.name}, {name}: the server was busy for {busy:.0%} of the time; it can do more."
            elsewhere = middle(samples, lambda sample: sample.elsewhere)
            if elsewhere > MOST_ELSEWHERE:
                yield f"- {found.name}, {name}: {elsewhere:.1%} of the answers came from another layer."


def _busy(samples: Sequence[Sample]) -> float:
    """The share of its processor that the server used."""
    return middle(samples, lambda sample: sample.cpu * sample.rate)


def _server(samples: Sequence[Sample]) -> list[str]:
    of_all = middle(samples, lambda sample: sample.cpu_of_all)
    return [f"{middle(samples, rate):,.0f}", f"{middle(samples, cpu) * 1e6:,.1f}", f"{of_all * 1e6:,.1f}"]


def _ms(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> str:
    return f"{middle(samples, figure) * 1e3:.2f}"

"""The report as one page that needs nothing else: no script, no style sheet, no picture from anywhere."""

from collections.abc import Iterator, Sequence
from html import escape

from cli.load.results import Bar, Kind, Ramp, Report, Result, Step

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --good: #2e7d32; --fair: #b26a00; --bad: #c62828; --bar: #4a7fb5; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; margin: 0.7rem 0; }
th, td { padding: 0.15rem 0.8rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.EXCELLENT { color: var(--good); } .GOOD { color: var(--fair); }
.NEEDS, .NOT, .bad { color: var(--bad); } b { font-weight: 600; }
svg { display: block; margin: 0.7rem 0; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg rect { fill: var(--bar); } .quiet { opacity: 0.75; }
"""
_ROW, _LABEL, _BAR = 18, 150, 480


def page_of(report: Report) -> str:
    """Return the page."""
    body = "\n".join(_body(report))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>AURELIUS load report</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>Load report: {_grade(report.grade)}</h1>"
    yield (
        f'<p class="quiet">{escape(report.url)}, AURELIUS {escape(report.version)}, {escape(report.began_at)}<br>'
        f"{escape(report.machine)}; load average {report.load_average:.1f}</p>"
    )
    yield _table(
        ("scenario", "requests/s", "success", "median", "p95", "p99", "target p95", "ours", "grade"),
        [_summary(result) for result in report.results],
    )
    for result in report.results:
        yield from _result(result)
    if report.ramp is not None:
        yield from _ramp(report.ramp)
    if report.memory is not None:
        bound = f", target {report.memory.bound_mb:g} MiB" if report.memory.asked else ""
        yield f"<p>Python processes after the load: {report.memory.pss_mb:.0f} MiB (proportional set size){bound}.</p>"
    for each in report.left:
        yield f"<p>{escape(each)}</p>"


def _summary(result: Result) -> list[str]:
    latency = result.latency
    figures = [_ms(getattr(latency, name) if latency else None) for name in ("median_ms", "p95_ms", "p99_ms")]
    return [
        f'<a href="#{result.scenario}">{result.scenario}</a>',
        f"{result.requests_per_second:.1f}",
        f"{result.success_rate:.2%}",
        *figures,
        _ms(result.required.p95_ms),
        _ms(result.ours.p95_ms),
        _grade(result.grade),
    ]


def _result(result: Result) -> Iterator[str]:
    yield f'<h2 id="{result.scenario}">{escape(result.title)}: {_grade(result.grade)}</h2>'
    yield (
        f"<p>{result.rate:g} requests a second were due for {result.seconds:.1f} s; {result.users} users, up to "
        f"{result.connections} requests at once.</p>"
    )
    latency = result.latency
    names = ("average_ms", "median_ms", "min_ms", "max_ms", "p95_ms", "p99_ms")
    yield _table(
        (
            "total",
            "successful",
            "failed",
            "success rate",
            "average",
            "median",
            "min",
            "max",
            "p95",
            "p99",
            "requests/s",
        ),
        [
            [str(result.total), str(result.successful), str(result.failed), f"{result.success_rate:.2%}"]
            + [_ms(getattr(latency, name) if latency else None) for name in names]
            + [f"{result.requests_per_second:.1f}"]
        ],
    )
    for why, number in result.failures.items():
        yield f'<p class="bad">{number} &times; {escape(why)}</p>'
    for why in result.missed:
        yield f'<p class="bad">Target missed: {escape(why)}</p>'
    for why in result.missed_ours:
        yield f'<p class="quiet">Ours missed: {escape(why)}</p>'
    if result.kinds:
        yield _table(("of which", "total", "failed", "median", "p95", "p99"), [_kind(kind) for kind in result.kinds])
    yield _histogram(result.histogram)
    yield from _machinery(result)


def _machinery(result: Result) -> Iterator[str]:
    own = result.generator
    yield (
        f'<p class="quiet">The load itself was late by {_ms(own.late_median_ms)} in the median, p95 '
        f"{_ms(own.late_p95_ms)}, at most {_ms(own.late_max_ms)}, and used {own.processor_percent:.0f} % of a "
        f"processor.</p>"
    )
    if own.bottleneck:
        yield f'<p class="bad">{escape(own.bottleneck)}: the platform is not slower than this, but may be faster.</p>'
    if result.server is None:
        yield f'<p class="quiet">The platform\'s processor time is not known: {escape(result.server_unknown)}.</p>'
        return
    rows = [
        [
            escape(use.name) + (f" ({use.number})" if use.number > 1 else ""),
            f"{use.cpu_percent:.1f} %",
            "-" if use.pss_mb is None else f"{use.pss_mb:.1f} MiB",
        ]
        for use in result.server.processes
    ]
    used = f"{result.server.cpu_percent:.1f} %"
    others = f"{result.server.others_percent:.1f} %"
    table = _table(("process", "of the machine", "PSS"), [*rows, ["other programs", others, ""]])
    yield f"<details><summary>The platform used {used} of the machine.</summary>{table}</details>"


def _ramp(ramp: Ramp) -> Iterator[str]:
    yield f"<h2>Ramp of the mixed load: {_grade(ramp.grade)}</h2>"
    yield (
        f"<p>Knee: <b>{ramp.knee:.0f} requests a second</b> (target {ramp.required:g}, ours {ramp.ours:g}), ended by "
        f"{escape(ramp.ended_by)}.</p>"
    )
    columns = ("due/s", "right/s", "success", "median", "p95", "p99", "platform", "others", "held")
    yield _table(columns, [_step(step) for step in ramp.steps])


def _step(step: Step) -> list[str]:
    return [
        f"{step.rate:.0f}",
        f"{step.requests_per_second:.0f}",
        f"{step.success_rate:.2%}",
        *(_ms(each) for each in (step.median_ms, step.p95_ms, step.p99_ms)),
        *("-" if each is None else f"{each:.0f} %" for each in (step.platform_percent, step.others_percent)),
        "yes" if step.held else f'<span class="bad">{escape(step.why)}</span>',
    ]


def _kind(kind: Kind) -> list[str]:
    figures = [_ms(each) for each in (kind.median_ms, kind.p95_ms, kind.p99_ms)]
    return [escape(kind.name), str(kind.total), str(kind.failed), *figures]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the cells are HTML."""
    names = "".join(f"<th>{each}</th>" for each in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table>\n<tr>{names}</tr>\n{lines}</table>"


def _histogram(bars: Sequence[Bar]) -> str:
    most = max((bar.requests for bar in bars), default=1)
    parts = []
    for number, bar in enumerate(bars):
        y, width = number * _ROW, max(round(_BAR * bar.requests / most), bar.requests > 0)
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{bar.from_ms:g} - {bar.to_ms:g} ms</text>'
            f'<rect x="{_LABEL}" y="{y + 2}" width="{width}" height="{_ROW - 4}"/>'
            f'<text x="{_LABEL + width + 6}" y="{y + 13}">{bar.requests}</text>'
        )
    return (
        f'<svg role="img" aria-label="Latency histogram" width="{_LABEL + _BAR + 80}" height="{_ROW * len(bars)}">'
        + "".join(parts)
        + "</svg>"
    )


def _grade(grade: str) -> str:
    return f'<b class="{grade}">{grade}</b>'


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.2f} ms"

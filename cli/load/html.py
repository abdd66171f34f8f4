"""The report as one page that needs nothing else: no script, no style sheet, no picture from anywhere."""

from collections.abc import Iterator, Sequence
from html import escape

from cli.load.page_style import STYLE
from cli.load.results import Bar, Kind, Memory, Ramp, Report, Result, Step


def page_of(report: Report) -> str:
    """Return the page."""
    body = "\n".join(_body(report))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>AURELIUS load report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>Load report {_grade(report.grade)}</h1>"
    yield (
        f'<p class="quiet">AURELIUS {escape(report.version)} at {escape(report.url)}<br>{escape(report.began_at)}<br>'
        f"{escape(report.machine)}; load average {report.load_average:.1f}</p>"
    )
    rows = [_summary(result) for result in report.results]
    if report.ramp is not None:
        rows.append(_ramp_summary(report.ramp))
    # The grade comes early: on a narrow screen it is seen without a move.
    columns = ("scenario", "grade", "requests/s", "success", "median", "p95", "p99", "target p95", "ours")
    yield _table(columns, rows)
    for result in report.results:
        yield from _result(result)
    if report.ramp is not None:
        yield from _ramp(report.ramp)
    if report.memory is not None:
        yield from _memory(report.memory)
    for each in report.left:
        yield f'<p class="quiet">{escape(each)}</p>'


def _summary(result: Result) -> list[str]:
    latency = result.latency
    figures = [_ms(getattr(latency, name) if latency else None) for name in ("median_ms", "p95_ms", "p99_ms")]
    return [
        f'<a href="#{result.scenario}">{result.scenario}</a>',
        _grade(result.grade),
        f"{result.requests_per_second:.1f}",
        f"{result.success_rate:.2%}",
        *figures,
        f"{result.required.p95_ms:g} ms",
        f"{result.ours.p95_ms:g} ms",
    ]


def _ramp_summary(ramp: Ramp) -> list[str]:
    held = max((step for step in ramp.steps if step.held), key=lambda step: step.rate, default=None)
    success = f"{held.success_rate:.2%}" if held else "-"
    figures = [_ms(getattr(held, name) if held else None) for name in ("median_ms", "p95_ms", "p99_ms")]
    targets = [f"{ramp.required:g}/s", f"{ramp.ours:g}/s"]
    return ['<a href="#ramp">ramp</a>', _grade(ramp.grade), f"{ramp.knee:.0f}", success, *figures, *targets]


def _result(result: Result) -> Iterator[str]:
    yield f'<h2 id="{result.scenario}">{result.scenario}: {escape(result.title)} {_grade(result.grade)}</h2>'
    yield (
        f"<p>{result.rate:g} requests a second were due for {result.seconds:.1f} s; {result.users} users, up to "
        f"{result.connections} requests at once.</p>"
    )
    yield _figures(_named_figures(result))
    for why, number in result.failures.items():
        yield f'<p class="bad">{number} &times; {escape(why)}</p>'
    if result.lost_connections:
        yield f"<p>{result.lost_connections} connections were closed by the server while nothing was on them.</p>"
    for why in result.missed:
        yield f'<p class="bad">Target missed: {escape(why)}</p>'
    for why in [] if result.missed else result.missed_ours:
        yield f'<p class="fair">Ours missed: {escape(why)}</p>'
    if result.kinds:
        yield _table(("of which", "total", "failed", "median", "p95", "p99"), [_kind(kind) for kind in result.kinds])
    yield _histogram(result.histogram)
    yield from _machinery(result)


def _named_figures(result: Result) -> list[tuple[str, str]]:
    """Return each figure with its name, in the order of the report for terminals."""
    latency = result.latency
    counts = [
        ("total", str(result.total)),
        ("successful", str(result.successful)),
        ("failed", f'<span class="bad">{result.failed}</span>' if result.failed else "0"),
        ("success rate", f"{result.success_rate:.2%}"),
    ]
    times = [
        (name, _ms(getattr(latency, f"{name}_ms") if latency else None))
        for name in ("average", "median", "min", "max", "p95", "p99")
    ]
    return [*counts, *times, ("requests/s", f"{result.requests_per_second:.1f}")]


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
    yield f'<h2 id="ramp">Ramp of the mixed load {_grade(ramp.grade)}</h2>'
    yield (
        f"<p>Knee: <b>{ramp.knee:.0f} requests a second</b> (target {ramp.required:g}, ours {ramp.ours:g}), ended by "
        f"{escape(ramp.ended_by)}.</p>"
    )
    columns = ("due/s", "right/s", "success", "median", "p95", "p99", "platform", "others", "held")
    yield _table(columns, [_step(step) for step in ramp.steps])
    for step in ramp.steps:
        if not step.held:
            yield f'<p class="bad">{step.rate:.0f}/s not held: {escape(step.why)}</p>'


def _step(step: Step) -> list[str]:
    return [
        f"{step.rate:.0f}",
        f"{step.requests_per_second:.0f}",
        f"{step.success_rate:.2%}",
        *(_ms(each) for each in (step.median_ms, step.p95_ms, step.p99_ms)),
        *("-" if each is None else f"{each:.0f} %" for each in (step.platform_percent, step.others_percent)),
        "yes" if step.held else '<span class="bad">no</span>',
    ]


def _memory(memory: Memory) -> Iterator[str]:
    bound = f", target {memory.bound_mb:g} MiB" if memory.asked else ""
    kind = ' class="bad"' if memory.missed else ""
    yield "<h2>Memory</h2>"
    yield f"<p{kind}>Python processes after the load: {memory.pss_mb:.0f} MiB (proportional set size){bound}.</p>"


def _kind(kind: Kind) -> list[str]:
    figures = [_ms(each) for each in (kind.median_ms, kind.p95_ms, kind.p99_ms)]
    failed = f'<span class="bad">{kind.failed}</span>' if kind.failed else "0"
    return [escape(kind.name), str(kind.total), failed, *figures]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, which a narrow screen moves sideways; the cells are HTML."""
    names = "".join(f'<th scope="col">{each}</th>' for each in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<tr>{names}</tr>\n{lines}</table></div>'


def _figures(named: Sequence[tuple[str, str]]) -> str:
    """Return figures under their names, as many beside one another as there is room for."""
    pairs = "".join(f"<div><dt>{name}</dt><dd>{figure}</dd></div>" for name, figure in named)
    return f'<dl class="figures">{pairs}</dl>'


def _histogram(bars: Sequence[Bar]) -> str:
    if not bars:
        return ""
    most, total = max(bar.requests for bar in bars), sum(bar.requests for bar in bars)
    rows = "".join(
        f'<tr><th scope="row">{bar.from_ms:g} - {bar.to_ms:g} ms</th>'
        f'<td class="bar">{_bar(bar.requests / most)}</td>'
        f"<td>{bar.requests}</td><td>{bar.requests / total:.2%}</td></tr>\n"
        for bar in bars
    )
    return f'<table class="histogram"><caption>Latency histogram</caption>\n{rows}</table>'


def _bar(share: float) -> str:
    return f'<i style="width:{share:.2%}"></i>' if share else ""


def _grade(grade: str) -> str:
    return f'<b class="grade {grade.partition(" ")[0]}">{grade}</b>'


def _ms(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.2f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"

"""The report for people, on a terminal."""

import os
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TextIO

from cli.load.processes import ServerUse
from cli.load.results import Bar, Kind, Memory, Ramp, Report, Result
from cli.load.targets import Grade

WIDTH = 78
_BAR = 36
_BUSY_PERCENT = 10
"""What other programs use of the machine from which on it is told."""
_GREEN, _YELLOW, _RED, _BOLD, _DIM = "32", "33", "31", "1", "2"
_OF_GRADE: Mapping[Grade, str] = {
    "EXCELLENT": _GREEN,
    "GOOD": _YELLOW,
    "NEEDS IMPROVEMENT": _RED,
    "NOT MEASURED": _RED,
}


class Paint:
    """Colours, or none: not without a terminal, and not with NO_COLOR."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self._on = stream.isatty() and not environ.get("NO_COLOR")
        encoding = (getattr(stream, "encoding", None) or "ascii").lower()
        self.block = "█" if encoding.startswith("utf") else "#"

    def __call__(self, text: str, *codes: str) -> str:
        """Return it in these colours."""
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self._on and codes else text

    def grade(self, grade: Grade) -> str:
        """Return it in its colour."""
        return self(grade, _BOLD, _OF_GRADE[grade])


def lines_of(report: Report, paint: Paint) -> Iterator[str]:
    """Yield the lines of the whole."""
    yield f"{report.url}, AURELIUS {report.version}, {report.began_at}"
    yield f"{report.machine}; load average {report.load_average:.1f}"
    for result in report.results:
        yield ""
        yield from result_lines(result, paint)
    if report.ramp is not None:
        yield ""
        yield from _ramp(report.ramp, paint)
    if report.results:
        yield from _processes(report.results[-1].server, report.memory, paint)
    yield ""
    yield from _summary(report, paint)


def result_lines(result: Result, paint: Paint) -> Iterator[str]:
    """Yield the lines of one scenario."""
    yield from _title(f"{result.scenario.upper()}: {result.title}", paint)
    yield (
        f"  {result.rate:g} requests/s due for {result.seconds:.1f} s, "
        f"{result.users} users, up to {result.connections} at once"
    )
    yield _line("Total requests", str(result.total))
    yield _line("Successful", paint(str(result.successful), _GREEN))
    yield _line("Failed", paint(str(result.failed), _RED) if result.failed else "0")
    good = result.success_rate >= result.required.success_rate
    yield _line("Success rate", paint(f"{result.success_rate:.2%}", _GREEN if good else _RED))
    if result.latency is not None:
        latency = result.latency
        yield _line("Average", _ms(latency.average_ms))
        yield _line("Median", _ms(latency.median_ms))
        yield _line("Min", _ms(latency.min_ms))
        yield _line("Max", _ms(latency.max_ms))
        met = latency.p95_ms <= result.required.p95_ms
        target = f"  (target {result.required.p95_ms:g} ms, ours {result.ours.p95_ms:g} ms)"
        yield _line("P95", paint(_ms(latency.p95_ms), _GREEN if met else _RED) + paint(target, _DIM))
        yield _line("P99", _ms(latency.p99_ms))
    yield _line("Requests/sec", f"{result.requests_per_second:.1f}")
    yield from _reasons(result, paint)
    yield from _kinds(result.kinds)
    yield from _histogram(result.histogram, paint)
    yield from _server(result.server, result.server_unknown, paint)
    yield from _load(result, paint)
    yield _line("Grade", paint.grade(result.grade))


def _title(text: str, paint: Paint) -> Iterator[str]:
    yield "=" * WIDTH
    yield paint(text, _BOLD)
    yield "=" * WIDTH


def _line(name: str, value: str) -> str:
    return f"  {name + ':':<18}{value}"


def _reasons(result: Result, paint: Paint) -> Iterator[str]:
    for why, number in result.failures.items():
        yield from _said(f"{number} x {why}", paint, _RED)
    if result.lost_connections:
        yield from _said(
            f"{result.lost_connections} connections were closed by the server while nothing was on them", paint
        )
    for why in result.missed:
        yield from _said(f"target missed: {why}", paint, _RED)
    if not result.missed:
        for why in result.missed_ours:
            yield from _said(f"ours missed: {why}", paint, _YELLOW)


def _said(text: str, paint: Paint, *codes: str) -> Iterator[str]:
    """Yield a sentence, as many lines as it takes. A word longer than a line stays whole: it may be an address."""
    for line in wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False):
        yield "    " + paint(line, *codes)


def _kinds(kinds: Sequence[Kind]) -> Iterator[str]:
    if kinds:
        yield f"  {'of which':<24}{'total':>8}{'failed':>8}{'median':>12}{'p95':>12}{'p99':>12}"
    for kind in kinds:
        figures = "".join(f"{_ms(each):>12}" for each in (kind.median_ms, kind.p95_ms, kind.p99_ms))
        yield f"    {kind.name:<22}{kind.total:>8}{kind.failed:>8}{figures}"


def _histogram(bars: Sequence[Bar], paint: Paint) -> Iterator[str]:
    most = max((bar.requests for bar in bars), default=1)
    total = sum(bar.requests for bar in bars)
    for bar in bars:
        # What is there shows, however little it is of the whole.
        length = max(round(_BAR * bar.requests / most), bar.requests > 0)
        share = f"{bar.requests / total:7.2%}"
        yield f"    {bar.from_ms:>8g} - {bar.to_ms:<8g} ms {paint.block * length:<{_BAR}} {bar.requests:>6} {share}"


def _server(server: ServerUse | None, unknown: str, paint: Paint) -> Iterator[str]:
    if server is None:
        yield _line("Platform", "its processor time is not known")
        yield from _said(unknown, paint)
        return
    others = f"; other programs {server.others_percent:.0f} %" if server.others_percent >= _BUSY_PERCENT else ""
    yield _line("Platform", f"{server.cpu_percent:.1f} % of the machine's {server.processors} processors{others}")


def _processes(server: ServerUse | None, memory: Memory | None, paint: Paint) -> Iterator[str]:
    if server is None:
        return
    yield ""
    yield from _title("PROCESSES during the last scenario, and their memory (PSS) after it", paint)
    for use in server.processes:
        size = "" if use.pss_mb is None else f"{use.pss_mb:8.1f} MiB"
        number = f" ({use.number})" if use.number > 1 else ""
        yield f"  {use.name + number:<32}{use.cpu_percent:6.1f} %{size}"
    if memory is not None:
        asked = f"  (target {memory.bound_mb:g} MiB)" if memory.asked else ""
        text = paint(f"{memory.pss_mb:.1f} MiB", _RED if memory.missed else _GREEN)
        yield f"  {'all Python processes':<32}{'':8}{text}{paint(asked, _DIM)}"


def _load(result: Result, paint: Paint) -> Iterator[str]:
    own = result.generator
    late = f"{_ms(own.late_median_ms)}, p95 {_ms(own.late_p95_ms)}, max {_ms(own.late_max_ms)}"
    yield _line("Load itself", f"late by {late}; {own.processor_percent:.0f} % of a CPU")
    if own.bottleneck:
        yield from _said(f"{own.bottleneck}: the platform is not slower than this, but may be faster", paint, _RED)


def _ramp(ramp: Ramp, paint: Paint) -> Iterator[str]:
    yield from _title("RAMP: the mixed load, more and more of it", paint)
    yield f"  {'due/s':>8}{'right/s':>8}{'success':>9}{'median':>10}{'p95':>10}{'p99':>10}{'cpu':>6}{'others':>7}"
    for step in ramp.steps:
        figures = "".join(f"{_ms(each):>10}" for each in (step.median_ms, step.p95_ms, step.p99_ms))
        used = f"{_percent(step.platform_percent):>6}{_percent(step.others_percent):>7}"
        yield f"  {step.rate:>8.0f}{step.requests_per_second:>8.0f}{step.success_rate:>9.2%}{figures}{used}"
        if not step.held:
            yield from _said(f"not held: {step.why}", paint, _RED)
    target = paint(f"  (target {ramp.required:g}, ours {ramp.ours:g})", _DIM)
    yield _line("Knee", f"{ramp.knee:.0f} requests/s{target}")
    yield from _said(f"ended by {ramp.ended_by}", paint)
    yield _line("Grade", paint.grade(ramp.grade))


def _summary(report: Report, paint: Paint) -> Iterator[str]:
    yield from _title("SUMMARY", paint)
    for result in report.results:
        p95 = _ms(result.latency.p95_ms) if result.latency else "-"
        yield (
            f"  {result.scenario:<12}{result.requests_per_second:>8.1f}/s{result.success_rate:>10.2%}"
            f"   p95 {p95:>10}   {paint.grade(result.grade)}"
        )
    if report.ramp is not None:
        yield f"  {'ramp':<12}{report.ramp.knee:>8.0f}/s{'':>27}   {paint.grade(report.ramp.grade)}"
    if report.memory is not None and report.memory.missed:
        yield f"  {'memory':<12}{report.memory.pss_mb:>8.0f} MiB{'':>25}   {paint.grade('NEEDS IMPROVEMENT')}"
    yield _line("Overall", paint.grade(report.grade))
    for each in report.left:
        yield from _said(each, paint)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0f} %"


def _ms(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.2f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"

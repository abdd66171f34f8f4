"""The report in its three forms: what is found is said, and nothing is left to another place."""

import io
import re
from html.parser import HTMLParser

import msgspec

from cli.load.checks import LIMITED
from cli.load.html import page_of
from cli.load.results import Result
from cli.load.tests.reports import FAST, decoded, report, result
from cli.load.text import Paint, lines_of

MISSED = result([0.3] * 98, ["status 500: <b>No</b>"] * 2)


class Terminal(io.StringIO):
    """A stream that says it is one."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It is."""
        return True


def plain(*results: Result) -> list[str]:
    return list(lines_of(report(*results), Paint(io.StringIO(), {})))


def test_the_report_has_the_layout_that_people_know() -> None:
    """Each figure under its name, in this order."""
    names = [line.partition(":")[0].strip() for line in plain(result(FAST))]
    wanted = ["Total requests", "Successful", "Failed", "Success rate", "Average", "Median", "Min", "Max", "P95", "P99"]
    wanted.append("Requests/sec")
    assert [name for name in names if name in wanted] == wanted


def test_every_latency_is_in_the_histogram() -> None:
    """With a bar for each part of it, the longest for the most."""
    bars = [line for line in plain(result(FAST)) if " ms #" in line]
    assert sum(int(line.split()[-2]) for line in bars) == len(FAST)
    assert max(bars, key=lambda line: line.count("#")).split()[-2] == "96"


def test_no_line_is_wider_than_a_terminal() -> None:
    """Of 80 columns, as few as there are: what wraps is no column any more."""
    slow = [*[0.000012] * 9, *[9.5] * 99_000]
    shown = plain(result(slow, [f"status 429: {LIMITED}"], late=0.0123))
    assert [line for line in shown if len(line) > 80] == []
    assert LIMITED in " ".join(" ".join(shown).split())


def test_what_was_missed_is_said_with_its_reason() -> None:
    """And why requests failed, and how often."""
    text = "\n".join(plain(MISSED))
    assert "2 x status 500" in text
    assert "target missed: p95 300.0 ms, above 100 ms" in text
    assert "NEEDS IMPROVEMENT" in text


def test_there_are_colours_on_a_terminal_only() -> None:
    """And none for whoever wants none."""
    shown = report(result(FAST))
    assert any("\x1b[" in line for line in lines_of(shown, Paint(Terminal(), {})))
    for paint in (Paint(Terminal(), {"NO_COLOR": "1"}), Paint(io.StringIO(), {})):
        assert not any("\x1b" in line for line in lines_of(shown, paint))


def test_the_text_is_the_same_with_colours_and_without() -> None:
    """Columns are as wide, whoever looks."""
    coloured = lines_of(report(result(FAST), MISSED), Paint(Terminal(), {}))
    assert [re.sub(r"\x1b\[[\d;]*m", "", line).replace("█", "#") for line in coloured] == plain(result(FAST), MISSED)


class Page(HTMLParser):
    """Notes what a page would load, and whether its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.loads += [f"{name}={value}" for name, value in attrs if name in {"src", "href"} and value]
        if tag in {"script", "link", "iframe"}:
            self.loads.append(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last."""
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else() -> None:
    """No script, style sheet or picture from anywhere; links lead to its own parts."""
    page = Page()
    page.feed(page_of(report(result(FAST), MISSED)))
    assert page.open == []
    assert page.loads
    assert all(each.startswith("href=#") for each in page.loads)


def test_what_a_platform_says_is_text_on_the_page() -> None:
    """Whatever it is."""
    text = page_of(report(MISSED))
    assert "<b>No</b>" not in text
    assert "&lt;b&gt;No&lt;/b&gt;" in text
    assert "p95 &lt;too&gt; high" in text


def test_the_figures_can_be_read_back() -> None:
    """JSON has all that the other forms show."""
    shown = report(result(FAST), MISSED)
    assert decoded(msgspec.json.encode(shown)) == shown

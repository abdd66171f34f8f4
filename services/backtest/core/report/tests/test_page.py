"""The report as a page."""

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.backtest.core.report import render
from services.backtest.core.report.page import MAX_BYTES
from services.backtest.core.report.price import MARKED, marked
from services.backtest.core.report.tests.subjects import DAY, subject, trades_of
from services.backtest.core.report.text import NOTHING
from shared.contracts.metrics import METRICS

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """The elements of a page, checked to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and that it is open."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that has nothing in it."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that what ends is what began last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is to be read."""
        return " ".join(self.words)


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(subject(warnings=["3 entries were not filled"])).decode())


def test_the_page_has_all_its_parts(page: Page) -> None:
    """Curves, months, trades, parameters, execution, identity, digest, warnings and the strategy."""
    for part in (
        "Equity", "Drawdown", "Monthly returns", "Trades on the price", "Metrics", "Parameters", "Execution",
        "Identity", "fast", "stop_rule", "ab" * 32, "cd" * 32, "ef" * 32, "3 entries were not filled",
        '"entry_long": "close > open"', "2026-01-01",
    ):  # fmt: skip
        assert part in page.text, part
    assert "Warnings" not in Page(render(subject()).decode()).text


def test_every_metric_is_shown_with_its_formula(page: Page) -> None:
    """For the pointer and for the keyboard: each can be gone to, and its meaning is in the page."""
    metrics = [attributes for tag, attributes in page.tags if attributes.get("class") == "metric"]
    assert len(metrics) == len(METRICS)
    assert all(attributes["tabindex"] == "0" for attributes in metrics)
    for metric in METRICS:
        assert f"{metric.name} ({metric.unit}) = {metric.formula}." in page.text
        assert not metric.null or f"Not defined when {metric.null}." in page.text


def test_nothing_is_loaded_and_nothing_runs(page: Page) -> None:
    """No script, no handler, no address of anything; and a policy that allows the page's own style alone."""
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a", "use", "image"}
        assert not any(name.startswith("on") or name in {"src", "href", "style"} for name in attributes), attributes
    (policy,) = (attributes["content"] for _, attributes in page.tags if "http-equiv" in attributes)
    style = re.search("<style>(.*?)</style>", render(subject()).decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_charts_say_what_they_show() -> None:
    """Each is an image with a title and a description, whole as XML, every place of it in the picture."""
    charts = re.findall("<svg.*?</svg>", render(subject()).decode(), re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        root = ET.fromstring(chart)
        title, description = root[0], root[1]
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
        assert len(description.text or "") > 30
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for path in root.iter("path"):
            for x, y in re.findall(r"[ML ]([-\d.]+),([-\d.]+)", path.attrib["d"]):
                assert 0 <= float(x) <= width
                assert 0 <= float(y) <= height


@pytest.mark.parametrize("deepest", [0.0, -1e-12, -0.0004, -0.03, -1.0])
def test_the_marks_of_an_axis_can_be_told_apart(deepest: float) -> None:
    """Also of a run that never lost a cent, or hardly one."""
    run = subject()
    run = dataclasses.replace(
        run, equity=run.equity * 0.0 + 10_000.0, drawdown=run.drawdown / -run.drawdown.min() * -deepest
    )
    charts = re.findall("<svg.*?</svg>", render(run).decode(), re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        labels = re.findall('<text class="value"[^>]*>([^<]*)</text>', chart)
        assert len(labels) == len(set(labels)) > 1


def test_tables_have_headers(page: Page) -> None:
    """Every table has header cells, each of them with its scope."""
    headers = [attributes for tag, attributes in page.tags if tag == "th"]
    assert len(headers) > 40
    assert all(attributes["scope"] in {"row", "col"} for attributes in headers)


def test_sentences_are_read_without_scrolling() -> None:
    """On a phone a wide table or chart scrolls in its box, and what is said of it stands before the box."""
    boxes = re.findall('<div class="wide".*?</div>', render(subject()).decode(), re.DOTALL)
    assert len(boxes) == 5
    assert not any(tag in box for box in boxes for tag in ("<caption", "<p ", "<p>"))


NASTY = "</style></title><script>alert(1)</script>\"' onload=x & \u202e \ud800"


@settings(max_examples=25, deadline=None)
@given(st.text() | st.just(NASTY))
def test_what_users_wrote_stays_text(words: str) -> None:
    """Names, parameters, warnings and the strategy itself, whatever they are: the page is as whole as ever."""
    content = render(
        subject(20, name=words, params={words: words}, warnings=[words], spec={words: words}, trades=1)
    ).decode()
    tags = [tag for tag, _ in Page(content).tags]
    assert tags == [
        tag for tag, _ in Page(render(subject(20, params={"a": 1}, warnings=["w"], trades=1)).decode()).tags
    ]


@pytest.mark.parametrize("market", [True, False])
@pytest.mark.parametrize("trades", [0, 1, 5])
@pytest.mark.parametrize("bars", [2, 3, 300])
def test_a_run_of_any_size_has_a_report(bars: int, trades: int, market: bool) -> None:
    """Of two bars, of no trade, and of a dataset that is gone, which leaves the prices out."""
    text = Page(render(subject(bars, trades=trades, market=market)).decode()).text
    assert ("There was no trade." in text) == (trades == 0)
    assert ("The dataset has been deleted, and the prices with it." in text) == (not market)


def test_undefined_metrics_are_shown_as_such() -> None:
    """A dash, not a zero and not the word None."""
    text = Page(render(subject(metrics=dict.fromkeys((metric.name for metric in METRICS), None))).decode()).text
    assert text.count(NOTHING) >= len(METRICS)
    assert "None" not in text


def test_the_same_run_has_the_same_page() -> None:
    """Nothing of the moment is in it."""
    assert render(subject()) == render(subject())


def test_no_page_is_too_large() -> None:
    """The worst of everything, a million bars over centuries and ten thousand trades, within what is promised."""
    worst = '"' * 400
    content = render(
        subject(
            1_000_000, trades=10_000, step=DAY // 12, name=worst, params={f"{n}{worst}": worst for n in range(500)},
            warnings=[worst] * 500, spec={"let": {f"{n}": worst for n in range(500)}},
            zone=ZoneInfo("America/Argentina/ComodRivadavia"),
            metrics={metric.name: -1.2345678901234567e-300 for metric in METRICS},
        )
    )  # fmt: skip
    assert 300_000 < len(content) < MAX_BYTES
    text = Page(content.decode()).text
    assert f"{MARKED} of 10,000 trades" in text
    assert "The latest 60 of 229 years." in text


def test_the_trades_that_counted_are_marked() -> None:
    """Of too many, the best and the worst, as many of each, in order."""
    trades = trades_of(1000, np.arange(5000, dtype=np.int64) * DAY)
    np.testing.assert_array_equal(marked(trades), np.arange(1000 - MARKED, 1000))
    best_and_worst = {*np.argsort(trades.pnl)[: MARKED // 2], *np.argsort(trades.pnl)[-MARKED // 2 :]}
    assert set(marked(trades).tolist()) == best_and_worst
    only_winners = trades_of(1000, np.arange(5000, dtype=np.int64) * DAY, turns=1)
    np.testing.assert_array_equal(marked(only_winners)[[0, MARKED // 2 - 1, MARKED // 2]], [0, 124, 875])
    np.testing.assert_array_equal(marked(trades_of(3, np.arange(9, dtype=np.int64))), [0, 1, 2])


def test_times_are_those_of_the_market() -> None:
    """A trade at 23:00 UTC is one of the next morning in Tokyo."""
    text = render(subject(2, step=23 * 3600 * 10**9, trades=1, zone=ZoneInfo("Asia/Tokyo"))).decode()
    assert "2020-01-06 09:00:00" in text
    assert "2020-01-07 08:00:00" in text

"""Series are told apart by their labels, bounded in number, and never fall."""

from services.metrics.core.cache_names import CACHE_BYPASSES, CACHE_HITS
from services.metrics.core.names import HTTP_ANSWERS, RPC_SERVED
from services.metrics.core.totals import MAX_LABEL, MAX_SERIES, OTHER, Totals, label_values, raise_to


def test_labels_are_put_in_the_order_of_the_table() -> None:
    """The sender's order does not matter, and `service` is the sender's own."""
    labels = {"outcome": "ok", "method": "strategy.read"}
    assert label_values(RPC_SERVED, "strategy", 1, labels) == ("strategy", "strategy.read", "ok")


def test_labels_of_another_metric_are_refused() -> None:
    """One missing, one too many, one of another name."""
    assert label_values(CACHE_BYPASSES, "gateway", 1, {"type": "user"}) is None
    assert label_values(CACHE_BYPASSES, "gateway", 1, {"type": "user", "reason": "x", "more": "y"}) is None
    assert label_values(CACHE_BYPASSES, "gateway", 1, {"type": "user", "cause": "x"}) is None


def test_a_total_grows_by_what_a_process_grew() -> None:
    """Elements are independent, and an older report changes nothing."""
    known, total = [1.0, 5.0], [10.0, 50.0]
    assert raise_to(known, total, [3, 4]) == [2, 0]
    assert (known, total) == ([3, 5], [12, 50])


def test_a_full_metric_counts_the_rest_as_other() -> None:
    """A bad client cannot fill the memory, and nothing it caused is lost from the sum."""
    totals = Totals()
    for number in range(MAX_SERIES + 500):
        totals.vector(CACHE_HITS, (f"type{number}",))[0] += 1
    series = totals.copy()[CACHE_HITS.name]
    assert len(series) == MAX_SERIES + 1
    assert series[OTHER,] == [500]
    assert series["type0",] == [1]


def test_a_full_metric_still_tells_apart_what_has_few_values() -> None:
    """Who fills it cannot hide failures among the rest."""
    totals = Totals()
    for number in range(MAX_SERIES):
        totals.vector(HTTP_ANSWERS, ("GET", f"/route{number}", "405"))
    for route in ("/late", "/later"):
        totals.vector(HTTP_ANSWERS, ("POST", route, "503"))[0] += 1
        totals.vector(HTTP_ANSWERS, ("POST", route, "200"))[0] += 2
    series = totals.copy()[HTTP_ANSWERS.name]
    assert len(series) == MAX_SERIES + 2
    assert (series[OTHER, OTHER, "503"][0], series[OTHER, OTHER, "200"][0]) == (2, 4)


def test_metrics_fill_up_by_themselves() -> None:
    """One that is full takes no room from another."""
    totals = Totals()
    for number in range(MAX_SERIES):
        totals.vector(CACHE_HITS, (f"type{number}",))
    totals.vector(CACHE_BYPASSES, ("user", "disabled"))
    assert ("user", "disabled") in totals.copy()[CACHE_BYPASSES.name]


def test_a_label_of_great_length_is_not_kept() -> None:
    """It counts as other, beside labels that are kept."""
    totals = Totals()
    totals.vector(CACHE_BYPASSES, ("x" * (MAX_LABEL + 1), "disabled"))
    assert list(totals.copy()[CACHE_BYPASSES.name]) == [(OTHER, "disabled")]


def test_a_copy_is_not_changed_by_what_comes_later() -> None:
    """A body that is being rendered stays of one moment."""
    totals = Totals()
    vector = totals.vector(CACHE_HITS, ("user",))
    copy = totals.copy()
    vector[0] += 1
    assert copy[CACHE_HITS.name]["user",] == [0]

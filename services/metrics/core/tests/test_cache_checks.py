"""What the caches are asked about and when, by a clock that the test moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.core.cache_checks import MOST_FOLLOWED, WINDOWS, CacheChecks, Due, Judged

L2 = "l2"
OBJECT = "strategy:1"


def judge(checks: CacheChecks, due: Due, now: float, served: dict[str, int], version: int = 7) -> Judged:
    """Judge one process of a layer that serves this, when the database holds `version` of all that was taken."""
    return checks.judge(L2, due, dict.fromkeys(due.objects, version), {"": served}, now, now)


def stale_finding(checks: CacheChecks, now: float = 0.0) -> Judged:
    """Have one object found too old, and its second look done."""
    checks.changed([OBJECT], "trace", now)
    found = judge(checks, checks.take(now), now, {OBJECT: 6})
    checks.take(now)
    return found


def test_a_changed_object_is_looked_at_at_once_and_a_second_later() -> None:
    """When readers have filled the cache again."""
    checks = CacheChecks()
    assert checks.pause(0) is None
    checks.changed([OBJECT], "trace", 0)
    assert checks.pause(0) == 0
    assert checks.take(0) == Due({OBJECT: "trace"}, [])
    assert checks.pause(0) == 1
    assert checks.take(0.99).objects == {}
    assert checks.take(1).objects == {OBJECT: "trace"}
    assert checks.pause(1) is None


def test_an_event_that_comes_twice_changes_nothing() -> None:
    """Nor does one that comes while its objects wait already."""
    checks = CacheChecks()
    for at in (0, 0, 0.5):
        checks.changed([OBJECT], "trace", at)
    assert checks.take(0.5).objects == {OBJECT: "trace"}
    assert checks.take(1).objects == {OBJECT: "trace"}
    assert checks.pause(1) is None


@given(
    st.lists(st.tuples(st.floats(0, 0.3), st.lists(st.integers(0, 200), max_size=40)), max_size=60),
    st.floats(1, 50),
)
def test_no_more_is_looked_at_than_the_rate_allows(steps: list[tuple[float, list[int]]], rate: float) -> None:
    """Whatever is written: in any time the rate's share of it and what may be saved up, one second's."""
    checks, now, taken = CacheChecks(rate), 0.0, 0
    for step, numbers in steps:
        now += step
        checks.changed([f"strategy:{number}" for number in numbers], "", now)
        taken += len(checks.take(now).objects)
        assert taken <= rate * (1 + now) + 1e-6


@given(st.lists(st.tuples(st.floats(0, 3), st.lists(st.integers(0, 20), max_size=5)), max_size=40))
def test_what_waits_is_taken_in_the_end_and_then_nothing_is_due(steps: list[tuple[float, list[int]]]) -> None:
    """Who sleeps for as long as `pause` says finds something to do, and an idle cache costs no look."""
    checks, now, named, taken = CacheChecks(), 0.0, set[str](), set[str]()
    for step, numbers in steps:
        now += step
        objects = [f"strategy:{number}" for number in numbers]
        named.update(objects)
        checks.changed(objects, "", now)
    for _ in range(1000):
        pause = checks.pause(now)
        if pause is None:
            break
        now += pause + 1e-9
        taken.update(checks.take(now).objects)
    assert checks.pause(now) is None
    assert taken == named


def test_of_a_flood_some_are_looked_at_soon_and_the_rest_is_left_out() -> None:
    """What is looked at long after its change says nothing of that change, and a flood must not fill the memory."""
    checks, now, taken = CacheChecks(), 0.0, list[str]()
    checks.changed([f"strategy:{number}" for number in range(10_000)], "", now)
    while (pause := checks.pause(now)) is not None:
        now += pause + 1e-9
        taken += checks.take(now).objects
    assert len(taken) == 80
    assert len(set(taken)) == 40
    assert now < 4


def test_what_is_not_older_is_no_finding() -> None:
    """As new as the version that was read, or newer: written since. What is not served is not compared."""
    checks = CacheChecks()
    checks.changed(["strategy:1", "strategy:2", "strategy:3"], "", 0)
    found = judge(checks, checks.take(0), 0, {"strategy:1": 7, "strategy:2": 8})
    assert found == Judged(2, [], [], [], 0)


def test_a_stale_answer_is_counted_in_every_window_in_which_it_is_seen() -> None:
    """Looked at again after 1 s, 10 s and 60 s; somebody is told after 10 s, and again after 60 s."""
    checks = CacheChecks()
    found = stale_finding(checks)
    assert [window for _, window in found.counted] == ["0s"]
    windows, lasting, looks, ended = [], 0, 0, []
    now = 0.0
    while (pause := checks.pause(now)) is not None:
        now += pause
        due = checks.take(now)
        if due.again:
            looks += 1
            found = judge(checks, due._replace(objects={}), now, {OBJECT: 6})
            windows += [(now, window) for _, window in found.counted]
            lasting += len(found.lasting)
            ended += found.ended
    assert windows == [(1.0, "1s"), (10.0, "10s"), (60.0, "60s")]
    assert (looks, lasting) == (3, 2)
    assert [(finding.stale_seconds, finding.trace) for finding in ended] == [(60.0, "trace")]


@pytest.mark.parametrize("served", [{OBJECT: 7}, {}])
def test_a_finding_ends_when_it_is_seen_no_more(served: dict[str, int]) -> None:
    """It was stale for at least as long as it was seen so."""
    checks = CacheChecks()
    stale_finding(checks)
    first = judge(checks, checks.take(1)._replace(objects={}), 1.0, {OBJECT: 6})
    assert [window for _, window in first.counted] == ["1s"]
    last = judge(checks, checks.take(10)._replace(objects={}), 10.0, served)
    assert [finding.stale_seconds for finding in last.ended] == [1.0]
    assert (last.counted, last.lasting) == ([], [])
    assert checks.pause(10) is None


def test_the_same_finding_is_not_counted_twice() -> None:
    """The look after a second finds what is followed already."""
    checks = CacheChecks()
    stale_finding(checks)
    due = checks.take(1)
    assert due.objects == {OBJECT: "trace"}
    assert [window for _, window in judge(checks, due, 1.0, {OBJECT: 6}).counted] == ["1s"]


def test_a_look_that_is_not_answered_is_tried_again() -> None:
    """A process that is silent for a while is not thought healed; one that is gone is forgotten after two minutes."""
    checks = CacheChecks()
    stale_finding(checks)
    found = checks.judge(L2, checks.take(1)._replace(objects={}), {}, {}, 1.0, 1.0)
    assert found == Judged(0, [], [], [], 1)
    assert checks.pause(1) == 1
    assert [window for _, window in judge(checks, checks.take(12), 12.0, {OBJECT: 6}).counted] == ["10s"]
    now = 12.0
    while (pause := checks.pause(now)) is not None:
        now += pause
        ended = checks.judge(L2, checks.take(now), {}, {}, now, now).ended
    assert [finding.stale_seconds for finding in ended] == [12.0]
    assert 120 < now < 122


def test_a_layer_is_asked_about_its_own_findings_alone() -> None:
    """What one level serves says nothing of the other."""
    checks = CacheChecks()
    stale_finding(checks)
    due = checks.take(1)._replace(objects={})
    assert checks.judge("l1", due, {}, {"": {OBJECT: 9}}, 1.0, 1.0) == Judged(0, [], [], [], 0)
    assert checks.pause(1) == 1


def test_findings_do_not_pile_up() -> None:
    """Of a cache that is wrong throughout all are counted, and a hundred followed."""
    checks = CacheChecks(200)
    checks.changed([f"strategy:{number}" for number in range(150)], "", 0)
    due = checks.take(0)
    found = checks.judge("l1", due, dict.fromkeys(due.objects, 2), {"a": dict.fromkeys(due.objects, 1)}, 0, 0)
    assert len(found.counted) == 150
    assert len(found.ended) == 50
    assert len(checks.take(1).again) == MOST_FOLLOWED


@given(st.lists(st.floats(0, 40), min_size=1, max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
def test_windows_are_counted_once_each_and_by_age(steps: list[float], answers: list[bool]) -> None:
    """Whenever the looks come, and whichever of them are answered: never for an age that was not reached."""
    checks, now = CacheChecks(), 0.0
    found = stale_finding(checks)
    counted = [window for _, window in found.counted]
    starts = {label: start for start, label in WINDOWS.items()}

    def after(label: str) -> float:
        return starts[label]

    for step, answered in zip(steps, answers, strict=False):
        now += step
        due = Due({}, list(checks._findings.values()))
        shown = {"": {OBJECT: 6}} if answered else {}
        for _, window in checks.judge(L2, due, {}, shown, now, now).counted:
            assert after(window) <= now
            counted.append(window)
    assert len(set(counted)) == len(counted)
    assert counted == sorted(counted, key=after)

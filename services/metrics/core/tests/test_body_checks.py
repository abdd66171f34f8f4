"""Which answers are compared, which of two is believed, and when an object is looked at again."""

import pytest

from services.metrics.core.body_checks import MOST_WAITING, BodyChecks, Seen, compare
from services.metrics.core.cache_checks import WINDOWS

OBJECT = "strategy:1"


def seen(layer: str, digest: str, process: str = "", version: int = 7, variant: str = "doc") -> Seen:
    """An answer."""
    return Seen(layer, process, variant, version, digest)


def test_in_health_all_are_alike() -> None:
    """However many give it; the one that the others are compared with is not counted."""
    answers = [seen("l1", "a", "g1"), seen("l1", "a", "g2"), seen("l2", "a"), seen("database", "a", "g1")]
    for turned in (answers, answers[::-1]):
        compared = compare(turned)
        assert dict(compared.number) == {"l1": 2, "l2": 1}
        assert compared.differing == []


def test_only_answers_to_one_question_at_one_version_are_compared() -> None:
    """What is older or newer has another value by right."""
    answers = [
        seen("database", "a"),
        seen("l2", "b", version=6),
        seen("l1", "c", version=8),
        seen("l1", "d", variant="x"),
    ]
    assert compare(answers) == ({}, [])
    assert compare([]) == ({}, [])


@pytest.mark.parametrize(
    ("answers", "wrong", "believed"),
    [
        ([seen("l2", "b"), seen("l1", "a"), seen("database", "a")], "l2", "database"),
        ([seen("l2", "a"), seen("l1", "b"), seen("database", "a")], "l1", "database"),
        ([seen("l1", "b"), seen("l2", "a")], "l1", "l2"),
        ([seen("l1", "b", "g2"), seen("l1", "a", "g1")], "l1", "l1"),
        ([seen("database", "a", "g1"), seen("database", "b", "g2")], "database", "database"),
    ],
)
def test_the_database_is_believed_and_after_it_the_second_level(answers: list[Seen], wrong: str, believed: str) -> None:
    """Of two processes one; two answers of the database that differ are a finding too: it has no versions, then."""
    ((each, other),) = compare(answers).differing
    assert (each.layer, other.layer) == (wrong, believed)
    assert each.digest != other.digest


def test_what_is_found_is_looked_at_again_until_it_is_not_found() -> None:
    """After 1 s, 10 s and 60 s, and in each of these windows it is counted."""
    checks, now, windows = BodyChecks(), 5.0, list[tuple[float, str]]()
    checks.wish(OBJECT, "trace", now)
    while (pause := checks.pause(now)) is not None:
        now += pause
        check = checks.take(now)
        assert check is not None
        assert (check.obj, check.trace) == (OBJECT, "trace")
        windows.append((now - 5.0, checks.found(check, now)))
        assert len(windows) <= len(WINDOWS)
    assert windows == list(WINDOWS.items())
    checks.wish(OBJECT, "", now)
    assert checks.take(now) is not None
    assert checks.pause(now) is None


def test_a_wish_meanwhile_does_not_make_a_finding_younger() -> None:
    """Nor is the same object compared twice for two wishes."""
    checks = BodyChecks()
    for _ in range(2):
        checks.wish(OBJECT, "", 0)
    check = checks.take(0)
    assert check is not None
    assert checks.take(0) is None
    checks.wish(OBJECT, "", 0)
    assert checks.found(check, 0) == "0s"
    checks.wish(OBJECT, "", 0.5)
    assert checks.take(0.5) is None
    again = checks.take(1)
    assert again is not None
    assert again.since == 0


def test_no_more_wait_than_there_is_room_for() -> None:
    """Those that came first are compared first."""
    checks = BodyChecks()
    for number in range(2 * MOST_WAITING):
        checks.wish(f"strategy:{number}", "", number)
    taken = []
    while (check := checks.take(1e9)) is not None:
        taken.append(check.obj)
    assert taken == [f"strategy:{number}" for number in range(MOST_WAITING)]

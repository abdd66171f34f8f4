"""The checker finds each way of breaking a promise in journals doctored to show it, and nothing in honest ones."""

import subprocess
import sys
from collections.abc import Set
from pathlib import Path

import msgspec
import pytest

from deploy.local.program import ROOT
from tests.consistency.checker import check, invalidations, moments, owners, registers, rest, rights, tokens
from tests.consistency.checker.history import Hop, Quiet, read_journal
from tests.consistency.checker.staleness import staleness
from tests.consistency.doctors import MUTATIONS
from tests.consistency.doctors.tools import (
    ANN,
    LONG_AGO,
    OTHER,
    PASSING,
    SESSION,
    Doctor,
    change,
    last,
    show,
    unapplied,
    written,
)
from tests.consistency.story import ADMINISTRATOR, Story, account_of, honest


def rules_of(story: Story, *, lax: Set[str] = frozenset()) -> set[str]:
    """The rules that the checker says are broken."""
    return {each.rule for each in check(story.evidence(lax=lax))}


@pytest.mark.parametrize("seed", range(20))
def test_an_honest_history_breaks_no_rule(seed: int) -> None:
    """Whatever the order of its operations."""
    evidence = honest(seed).evidence()
    assert check(evidence) == []
    found = staleness(evidence)
    assert found.is_allowed
    assert (found.stale, found.worst) == (0, 0.0)
    assert found.reads > 50


@pytest.mark.parametrize(("rule", "doctor"), MUTATIONS, ids=[doctor.__name__ for _, doctor in MUTATIONS])
def test_a_doctored_history_breaks_its_rule(rule: str, doctor: Doctor) -> None:
    """Each way of breaking a promise is found, and called by its name."""
    story = honest()
    doctor(story)
    assert rule in rules_of(story)


def test_each_rule_has_a_history_that_breaks_it() -> None:
    """A rule that nothing breaks would be no rule."""
    modules = (invalidations, moments, owners, registers, rest, rights, tokens)
    constants = [value for module in modules for name, value in vars(module).items() if name.isupper()]
    rules = {value for value in constants if isinstance(value, str) and " " in value}
    assert rules == {rule for rule, _ in MUTATIONS}


def test_a_write_that_may_commit_without_the_cache_is_no_violation() -> None:
    """Available: old until the event has been applied, and not after that."""
    story = honest(ended=False)
    before = written(story)
    event = story.lines.pop()
    show(story, before)
    assert rules_of(story, lax={"strategy"}) == set(), "no event has been applied"
    assert rules_of(story, lax={"backtest"}) == {registers.OLDER}, "what may commit without is something else"
    story.lines.append(event)
    assert rules_of(story, lax={"strategy"}) == {invalidations.OLDER_THAN_INVALIDATION}


def test_what_overlaps_may_be_either() -> None:
    """A read that begins before a write is acknowledged may show what was before it, or what comes of it."""
    story = honest(ended=False)
    before = story.values[ANN]
    write = story.write(ANN)
    read = story.read("ann", ANN)
    change(story, read, begin=write.begin, found={ANN: before})
    assert rules_of(story) == set()


def test_what_is_being_made_or_deleted_may_be_there_or_not() -> None:
    """As long as nobody was told that it is, or that it is not."""
    story = honest(ended=False)
    created = story.write(PASSING)
    without = story.list("ann")
    change(story, without, begin=created.begin, found={ANN: story.values[ANN], OTHER: story.values[OTHER]})
    deleted = story.delete(PASSING, acknowledged=False)
    change(story, story.list("ann"), begin=deleted.begin, found=story.list("ann").found | {PASSING: (1, created.mark)})
    assert rules_of(story) == set()


def test_a_gateway_may_list_what_was_made_and_deleted_within_its_lease() -> None:
    """Its list may be of before: what is missing in it need not be missing for its deletion."""
    story = honest(ended=False)
    before = story.list("ann").found
    story.write(PASSING)
    unapplied(story)
    story.write(ANN)
    unapplied(story)
    story.delete(PASSING)
    unapplied(story)
    change(story, story.list("ann", source="l1"), found=before)
    assert rules_of(story) == set()


def test_a_refusal_is_right_while_an_account_is_being_closed() -> None:
    """And as long as it may be, since nobody was told whether it is."""
    story = honest(ended=False)
    line = story.write(account_of("ann"), acknowledged=False, done=False, after=" user closed")
    change(story, story.refuse("ann"), begin=line.begin)
    story.refuse("ann")
    assert rules_of(story) == set()


def test_who_is_given_the_role_while_a_list_is_read_may_have_it() -> None:
    """It shows them without it. Afterwards it does not do so any more."""
    story = honest(ended=False)
    before = story.list(ADMINISTRATOR, "user").found
    given = story.write(account_of("ann"), after=" admin active")
    change(story, story.list("ann", "user"), begin=given.begin, found=before)
    assert rules_of(story) == set()
    story.write(account_of("ann"), after=" user active")
    story.list("ann", "user")
    assert rules_of(story) == {rights.LET_IN}


def test_what_is_gone_may_be_deleted_again() -> None:
    """A session that was ended is ended once more with its account."""
    story = honest(ended=False)
    story.write(SESSION)
    line = story.delete(SESSION)
    story.use(SESSION)
    story.now += LONG_AGO
    story.lines.append(msgspec.structs.replace(line, begin=story.now, end=story.now))
    assert rules_of(story) == set()


def test_a_gateway_may_be_behind_by_its_lease() -> None:
    """And no longer: a hit of its own that is younger than that breaks nothing."""
    story = honest(ended=False)
    before = written(story)
    unapplied(story)
    change(story, story.read("ann", ANN, source="l1"), found={ANN: before})
    assert rules_of(story) == set()


def test_staleness_is_the_time_since_something_newer_was_acknowledged() -> None:
    """Of reads without a token that were made while nothing was broken."""
    story = Story()
    story.write(ANN)
    before, began = story.values[ANN], story.now
    write = story.write(ANN)
    story.now = write.end
    read = change(story, story.read("ann", ANN, source="l1"), found={ANN: before})
    with_token = change(story, story.read("ann", ANN, due={ANN: 1}), found={ANN: before})
    story.lines += [Hop(began, 0.001), Quiet(began, with_token.begin)]
    found = staleness(story.evidence())
    assert (found.reads, found.stale, found.hops) == (1, 1, 1)
    assert found.worst == pytest.approx(read.begin - write.end)
    assert not found.is_allowed, "ten times as long as a hop"


def test_reads_while_something_is_broken_are_not_measured() -> None:
    """They are held against the promises, not against the clock."""
    story = honest()
    story.lines.remove(last(story, Quiet))
    assert staleness(story.evidence()).reads == 0


def test_a_journal_is_read_back_as_far_as_it_is_whole(tmp_path: Path) -> None:
    """A harness that was killed may have left half a line."""
    path = tmp_path / "journal.jsonl"
    lines = [msgspec.json.encode(line) for line in honest().lines]
    path.write_bytes(b"\n".join([*lines, lines[0][:20]]))
    history = read_journal(path)
    assert len(history.reads) + len(history.writes) > 150


def test_it_shares_no_code_with_what_it_checks() -> None:
    """A mistake that both made would be found by neither."""
    code = (
        "import sys, tests.consistency.checker; print([n for n in sys.modules if n.startswith(('services', 'shared'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

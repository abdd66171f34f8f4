"""The checker finds each way of breaking a promise in journals doctored to show it, and nothing in honest ones."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from deploy.local.program import ROOT
from tests.consistency.checker import check, invalidations, owners, registers, rest, tokens
from tests.consistency.checker.history import Hop, Line, Quiet, Read, Row, read_journal
from tests.consistency.checker.staleness import staleness
from tests.consistency.story import Story, honest, key_of

Doctor = Callable[[Story], None]
L = TypeVar("L", bound=Line)
MUTATIONS: list[tuple[str, Doctor]] = []
ANN, BOB = key_of("ann", 1), key_of("bob", 1)
LONG_AGO = 1.0
"""Longer than any lease, in seconds."""


def breaks(rule: str) -> Callable[[Doctor], Doctor]:
    """Note what breaks a rule."""

    def note(doctor: Doctor) -> Doctor:
        MUTATIONS.append((rule, doctor))
        return doctor

    return note


def rules_of(story: Story, *, is_strict: bool = True) -> set[str]:
    """The rules that the checker says are broken."""
    return {each.rule for each in check(story.evidence(is_strict=is_strict))}


def change(story: Story, line: L, **fields: Any) -> L:
    """Put something else in place of a line of the journal."""
    changed = msgspec.structs.replace(line, **fields)
    story.lines[next(at for at, each in enumerate(story.lines) if each is line)] = changed
    return changed


def last(story: Story, kind: type[L], which: Callable[[L], bool] = lambda _: True) -> L:
    """The last line of a kind."""
    return next(each for each in reversed(story.lines) if isinstance(each, kind) and which(each))


def written(story: Story, key: str = ANN) -> tuple[int, str]:
    """Write a key once more, and return what it was before."""
    before = story.values[key]
    story.write(key)
    return before


def show(story: Story, value: tuple[int, str], **fields: Any) -> Read:
    """Read the key through the shared cache a while later, and be shown this."""
    story.now += LONG_AGO
    owner = fields.pop("owner", "ann")
    return change(story, story.read(owner, ANN, **fields), found={ANN: value})


@breaks(tokens.OLDER_THAN_TOKEN)
def a_token_is_not_looked_at(story: Story) -> None:
    before = written(story)
    show(story, before, due={ANN: before[0] + 1})


@breaks(tokens.OLDER_THAN_TOKEN)
def a_token_is_not_looked_at_in_a_list(story: Story) -> None:
    before = written(story)
    read = story.read("ann", ANN, key_of("ann", 2), due={ANN: before[0] + 1})
    change(story, read, found={**read.found, ANN: before})


@breaks(tokens.OLDER_THAN_TOKEN)
def a_strategy_is_not_in_the_list_that_a_token_asks_for(story: Story) -> None:
    read = story.read("ann", ANN, key_of("ann", 2), due={ANN: 1})
    change(story, read, found={key_of("ann", 2): read.found[key_of("ann", 2)]})


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def an_invalidation_is_not_applied(story: Story) -> None:
    show(story, written(story))


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def a_gateway_does_not_hear_of_an_invalidation(story: Story) -> None:
    show(story, written(story), source="l1")


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def not_found_is_served_though_it_was_created(story: Story) -> None:
    change(story, story.read("ann", ANN), status=404, found={})


@breaks(invalidations.NOT_THE_VERSION)
def a_revision_is_not_its_version(story: Story) -> None:
    change(story, last(story, Row), version=0)


@breaks(owners.FOREIGN)
def another_owner_is_shown_a_strategy(story: Story) -> None:
    change(story, story.read("bob", BOB), found={BOB: story.values[BOB], ANN: story.values[ANN]}, owned=(BOB,))


@breaks(owners.FOREIGN)
def an_answer_of_another_owner_is_served(story: Story) -> None:
    change(story, story.read("bob", BOB), found={BOB: story.values[ANN]})


@breaks(owners.NOBODYS)
def a_name_is_shown_that_nobody_gave(story: Story) -> None:
    change(story, story.read("ann", ANN), found={ANN: (story.values[ANN][0], "ann.nobody")})


@breaks(owners.NOBODYS)
def one_strategy_is_shown_as_another(story: Story) -> None:
    change(story, story.read("ann", ANN), found={ANN: story.values[key_of("ann", 2)]})


@breaks(registers.OLDER)
def a_read_is_older_than_a_write(story: Story) -> None:
    before = written(story)
    story.lines.pop()  # no event has been applied
    show(story, before)


@breaks(registers.OLDER)
def a_read_is_older_than_another(story: Story) -> None:
    """The write is never acknowledged, but somebody has been shown it."""
    before = story.values[ANN]
    story.write(ANN, acknowledged=False)
    story.lines.pop()
    story.read("ann", ANN)
    show(story, before)


@breaks(registers.OLDER)
def an_answer_of_the_database_is_old(story: Story) -> None:
    before = written(story)
    story.lines.pop()
    show(story, before, source="bypass")


@breaks(registers.OLDER_THAN_LEASE)
def a_gateway_holds_something_for_too_long(story: Story) -> None:
    before = written(story)
    story.lines.pop()
    show(story, before, source="l1")


@breaks(registers.TOO_EARLY)
def something_is_shown_before_it_is_written(story: Story) -> None:
    read = story.read("ann", ANN)
    story.now += LONG_AGO
    write = story.write(ANN)
    change(story, read, found={ANN: (write.revision, write.mark)})


@breaks(registers.TWO_VALUES)
def a_revision_is_shown_with_an_older_name(story: Story) -> None:
    _, mark = written(story)
    change(story, story.read("ann", ANN), found={ANN: (story.values[ANN][0], mark)})


@breaks(registers.NOT_ABOVE)
def two_writes_are_given_one_revision(story: Story) -> None:
    first = story.write(ANN)
    change(story, story.write(ANN), revision=first.revision)


@breaks(rest.LOST)
def a_write_is_lost(story: Story) -> None:
    row = last(story, Row, lambda row: row.key == ANN)
    change(story, row, revision=row.revision - 1, version=row.version - 1)


@breaks(rest.LOST)
def a_strategy_is_lost(story: Story) -> None:
    story.lines.remove(last(story, Row, lambda row: row.key == ANN))


@breaks(rest.STILL_OLD)
def something_old_stays(story: Story) -> None:
    read = last(story, Read, lambda read: read.op.startswith(rest.FINAL) and read.owned == (ANN,))
    change(story, read, found={ANN: (story.values[ANN][0] - 1, "ann.1")})


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
    modules = (invalidations, owners, registers, rest, tokens)
    rules = {value for module in modules for name, value in vars(module).items() if name.isupper() and " " in value}
    assert rules == {rule for rule, _ in MUTATIONS}


def test_a_write_that_may_commit_without_the_cache_is_no_violation() -> None:
    """Available: old until the event has been applied, and not after that."""
    story = honest(ended=False)
    before = written(story)
    event = story.lines.pop()
    show(story, before)
    assert rules_of(story, is_strict=False) == set(), "no event has been applied"
    story.lines.append(event)
    assert rules_of(story, is_strict=False) == {invalidations.OLDER_THAN_INVALIDATION}


def test_what_overlaps_may_be_either() -> None:
    """A read that begins before a write is acknowledged may show what was before it, or what comes of it."""
    story = honest(ended=False)
    before = story.values[ANN]
    write = story.write(ANN)
    read = story.read("ann", ANN)
    change(story, read, begin=write.begin, found={ANN: before})
    assert rules_of(story) == set()


def test_a_gateway_may_be_behind_by_its_lease() -> None:
    """And no longer: a hit of its own that is younger than that breaks nothing."""
    story = honest(ended=False)
    before = written(story)
    story.lines.pop()
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

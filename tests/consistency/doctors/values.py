"""Doctors of one thing: a strategy or a run, read by itself."""

from tests.consistency.checker import invalidations, owners, registers, rest, rights, tokens
from tests.consistency.checker.history import GONE, THERE, Read, Row
from tests.consistency.doctors.tools import (
    ANN,
    BOB,
    DATASET,
    LONG_AGO,
    OTHER,
    RUN,
    SWEEP,
    Mutation,
    breaking,
    change,
    last,
    made_and_deleted,
    show,
    unapplied,
    written,
)
from tests.consistency.story import Story, key_of

MUTATIONS: list[Mutation] = []
breaks = breaking(MUTATIONS)


@breaks(tokens.OLDER_THAN_TOKEN)
def a_token_is_not_looked_at(story: Story) -> None:
    before = written(story)
    show(story, before, due={ANN: before[0] + 1})


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def an_invalidation_is_not_applied(story: Story) -> None:
    show(story, written(story))


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def a_gateway_does_not_hear_of_an_invalidation(story: Story) -> None:
    show(story, written(story), source="l1")


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def not_found_is_served_though_it_was_created(story: Story) -> None:
    change(story, story.read("ann", ANN), status=404, found={})


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def a_run_that_was_deleted_is_served(story: Story) -> None:
    show(story, made_and_deleted(story, RUN), key=RUN)


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def the_trades_of_a_run_that_was_deleted_are_served(story: Story) -> None:
    """They do not say at which revision they are."""
    _, mark = made_and_deleted(story, RUN)
    show(story, (THERE, mark), key=RUN)


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def the_combinations_of_a_sweep_that_was_deleted_are_served(story: Story) -> None:
    """They do not even say whose they are."""
    made_and_deleted(story, SWEEP)
    show(story, (THERE, ""), key=SWEEP)


@breaks(owners.FOREIGN)
def a_sweep_of_another_owner_is_served(story: Story) -> None:
    story.write(SWEEP)
    change(story, story.read("bob", SWEEP), status=200, found={SWEEP: (THERE, "")})
    story.delete(SWEEP)


@breaks(tokens.OLDER_THAN_TOKEN)
def the_bars_of_a_dataset_that_was_deleted_are_served_to_who_deleted_it(story: Story) -> None:
    _, mark = made_and_deleted(story, DATASET)
    show(story, (THERE, mark), key=DATASET, due={DATASET: GONE})


@breaks(registers.OLDER)
def a_dataset_is_not_found_that_was_uploaded(story: Story) -> None:
    story.write(DATASET)
    unapplied(story)
    story.now += LONG_AGO
    change(story, story.read("ann", DATASET), status=404, found={})
    story.delete(DATASET)


@breaks(invalidations.NOT_THE_VERSION)
def a_revision_is_not_its_version(story: Story) -> None:
    change(story, last(story, Row), version=0)


@breaks(owners.FOREIGN)
def another_owner_is_shown_a_strategy(story: Story) -> None:
    change(story, story.read("bob", BOB), found={BOB: story.values[BOB], ANN: story.values[ANN]})


@breaks(owners.FOREIGN)
def an_answer_of_another_owner_is_served(story: Story) -> None:
    change(story, story.read("bob", BOB), found={BOB: story.values[ANN]})


@breaks(owners.FOREIGN)
def the_curve_of_another_owner_is_served(story: Story) -> None:
    _as_ones_own(story, "backtest", RUN)


@breaks(owners.FOREIGN)
def the_bars_of_another_owner_are_served(story: Story) -> None:
    _as_ones_own(story, "dataset", DATASET)


def _as_ones_own(story: Story, kind: str, anothers: str) -> None:
    """Show what is another's as that of an object of one's own: only what is in it tells."""
    own = key_of("bob", 9, kind)
    story.write(anothers)
    story.write(own)
    change(story, story.read("bob", own), found={own: (THERE, story.values[anothers][1])})
    story.delete(anothers)
    story.delete(own)


@breaks(owners.NOBODYS)
def a_name_is_shown_that_nobody_gave(story: Story) -> None:
    change(story, story.read("ann", ANN), found={ANN: (story.values[ANN][0], "ann.nobody")})


@breaks(owners.NOBODYS)
def one_strategy_is_shown_as_another(story: Story) -> None:
    change(story, story.read("ann", ANN), found={ANN: story.values[OTHER]})


@breaks(registers.OLDER)
def a_read_is_older_than_a_write(story: Story) -> None:
    before = written(story)
    unapplied(story)
    show(story, before)


@breaks(registers.OLDER)
def a_read_is_older_than_another(story: Story) -> None:
    """The write is never acknowledged, but somebody has been shown it."""
    before = story.values[ANN]
    story.write(ANN, acknowledged=False)
    unapplied(story)
    story.read("ann", ANN)
    show(story, before)


@breaks(registers.OLDER)
def an_answer_of_the_database_is_old(story: Story) -> None:
    before = written(story)
    unapplied(story)
    show(story, before, source="bypass")


@breaks(registers.OLDER_THAN_LEASE)
def a_gateway_holds_something_for_too_long(story: Story) -> None:
    before = written(story)
    unapplied(story)
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


@breaks(rights.KEPT_OUT)
def who_is_open_is_refused(story: Story) -> None:
    story.refuse("ann")


@breaks(rest.LOST)
def a_write_is_lost(story: Story) -> None:
    row = last(story, Row, lambda row: row.key == ANN)
    change(story, row, revision=row.revision - 1, version=row.version - 1)


@breaks(rest.LOST)
def a_strategy_is_lost(story: Story) -> None:
    story.lines.remove(last(story, Row, lambda row: row.key == ANN))


@breaks(rest.STILL_OLD)
def something_old_stays(story: Story) -> None:
    read = last(story, Read, lambda read: read.op.startswith(rest.FINAL) and read.keys == (ANN,))
    change(story, read, found={ANN: (story.values[ANN][0] - 1, "ann.1")})

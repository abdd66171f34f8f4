"""Doctors of what lists have, and of what comes and goes."""

from tests.consistency.checker import invalidations, moments, registers, rest, tokens
from tests.consistency.checker.history import GONE, Read, Row
from tests.consistency.doctors.tools import (
    ANN,
    DATASET,
    LONG_AGO,
    OTHER,
    PASSING,
    RUN,
    Mutation,
    breaking,
    change,
    last,
    listed,
    made_and_deleted,
    show,
    unapplied,
    written,
)
from tests.consistency.story import Story

MUTATIONS: list[Mutation] = []
breaks = breaking(MUTATIONS)


@breaks(tokens.OLDER_THAN_TOKEN)
def a_token_is_not_looked_at_in_a_list(story: Story) -> None:
    before = written(story)
    change(story, listed(story, ANN, before), due={ANN: before[0] + 1})


@breaks(tokens.OLDER_THAN_TOKEN)
def a_strategy_is_not_in_the_list_that_a_token_asks_for(story: Story) -> None:
    change(story, listed(story, ANN, None), due={ANN: 1})


@breaks(tokens.OLDER_THAN_TOKEN)
def what_was_deleted_is_shown_to_who_deleted_it(story: Story) -> None:
    show(story, made_and_deleted(story, PASSING), key=PASSING, due={PASSING: GONE})


@breaks(tokens.OLDER_THAN_TOKEN)
def what_was_deleted_is_listed_to_who_deleted_it(story: Story) -> None:
    change(story, listed(story, RUN, made_and_deleted(story, RUN), "backtest"), due={RUN: GONE})


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def a_list_has_what_was_deleted(story: Story) -> None:
    listed(story, PASSING, made_and_deleted(story, PASSING))


@breaks(registers.OLDER)
def a_list_does_not_have_what_was_made(story: Story) -> None:
    story.write(PASSING)
    unapplied(story)
    listed(story, PASSING, None)
    story.delete(PASSING)


@breaks(registers.OLDER)
def a_list_does_not_have_what_was_uploaded(story: Story) -> None:
    story.write(DATASET)
    unapplied(story)
    listed(story, DATASET, None, "dataset")
    story.delete(DATASET)


@breaks(invalidations.OLDER_THAN_INVALIDATION)
def a_list_has_a_dataset_that_was_deleted(story: Story) -> None:
    listed(story, DATASET, made_and_deleted(story, DATASET), "dataset")


@breaks(registers.OLDER)
def a_list_has_what_somebody_did_not_find_any_more(story: Story) -> None:
    """The deletion is never acknowledged, but somebody has been told that there is no such thing."""
    story.write(PASSING)
    before = story.values[PASSING]
    story.delete(PASSING, acknowledged=False)
    unapplied(story)
    story.read("ann", PASSING)
    listed(story, PASSING, before)


@breaks(moments.MIXED)
def a_list_has_what_came_later_beside_what_was_replaced_before(story: Story) -> None:
    """Each of the two for itself may be shown, since the answer began before either was written."""
    began, before = story.now, story.values[ANN]
    story.write(ANN)
    story.write(OTHER)
    read = story.list("ann")
    change(story, read, begin=began, found={**read.found, ANN: before})


@breaks(moments.MIXED)
def a_list_has_what_came_later_and_not_what_was_made_before(story: Story) -> None:
    began = story.now
    story.write(PASSING)
    story.write(OTHER)
    read = story.list("ann")
    change(story, read, begin=began, found={key: value for key, value in read.found.items() if key != PASSING})
    story.delete(PASSING)


@breaks(moments.MIXED)
def a_list_has_what_was_replaced_and_not_what_was_deleted_later(story: Story) -> None:
    story.write(PASSING)
    began, before = story.now + LONG_AGO, story.values[ANN]
    story.now = began
    story.write(ANN)
    story.delete(PASSING)
    read = story.list("ann")
    change(story, read, begin=began, found={**read.found, ANN: before})


@breaks(rest.LOST)
def a_deletion_is_lost(story: Story) -> None:
    revision, mark = made_and_deleted(story, PASSING)
    story.lines.append(Row(PASSING, "ann", revision, mark, revision))


@breaks(rest.STILL_OLD)
def a_list_keeps_what_is_not_there(story: Story) -> None:
    read = last(story, Read, lambda read: read.op.startswith(rest.FINAL) and read.whole == "strategy")
    change(story, read, found={**read.found, PASSING: (1, "ann.1")})

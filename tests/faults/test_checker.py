"""The checker finds each way of breaking a promise in logs doctored to show it, and nothing in honest ones."""

import copy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deploy.local.program import ROOT
from tests.faults.checker import answers, check, events, jobs, reads, writes
from tests.faults.checker.answers import FaultRun
from tests.faults.story import BACKTEST, OWNER, STRATEGY, UNAVAILABLE, Story, honest

Doctor = Callable[[Story], None]
MUTATIONS: list[tuple[str, Doctor]] = []


def breaks(rule: str) -> Callable[[Doctor], Doctor]:
    """Note what breaks a rule."""

    def note(doctor: Doctor) -> Doctor:
        MUTATIONS.append((rule, doctor))
        return doctor

    return note


def rules_of(story: Story) -> set[str]:
    """The rules that the checker says are broken."""
    return {each.rule for each in check(story.evidence())}


def row_of(story: Story, strategy: str) -> dict[str, Any]:
    """A row that may be changed."""
    row = dict(story.snapshot.strategies[strategy])
    story.snapshot.strategies[strategy] = row
    return row


def answer_of(story: Story, kind: str, nth: int = 0) -> dict[str, Any]:
    """The line of an answer to the nth operation of a kind."""
    ops = [line["op"] for line in story.journal if line["what"] == "begin" and line["kind"] == kind]
    return next(line for line in story.journal if line["what"] == "answer" and line["op"] == ops[nth])


@breaks(writes.LOST)
def a_created_strategy_is_not_there(story: Story) -> None:
    del story.snapshot.strategies["s2"]


@breaks(writes.LOST)
def a_change_is_not_there(story: Story) -> None:
    row_of(story, "s1").update(name="lane-0-0.1")


@breaks(writes.LOST)
def a_change_was_not_counted(story: Story) -> None:
    row_of(story, "s1").update(revision=1)


@breaks(writes.LOST)
def an_earlier_change_came_after_a_later_one(story: Story) -> None:
    story.patched("s1", 6)
    story.patched("s1", 7)
    row_of(story, "s1").update(name="lane-0-0.6")


@breaks(writes.LOST)
def a_deleted_strategy_is_back(story: Story) -> None:
    row = {"id": "s3", "owner_id": OWNER, "name": "lane-0-0.3", "description": "lane-0-0.3", "revision": 1}
    story.snapshot.strategies["s3"] = row


@breaks(writes.LOST)
def a_backtest_is_not_there(story: Story) -> None:
    del story.snapshot.backtests["b10"]


@breaks(writes.LOST)
def a_cancelled_backtest_went_on(story: Story) -> None:
    story.snapshot.backtests["b12"] = {**story.snapshot.backtests["b12"], "status": "succeeded"}


@breaks(writes.TWICE)
def a_create_was_applied_twice(story: Story) -> None:
    story.snapshot.strategies["s9"] = {**story.snapshot.strategies["s2"], "id": "s9"}


@breaks(writes.TWICE)
def a_backtest_was_queued_twice(story: Story) -> None:
    story.snapshot.backtests["b99"] = {**story.snapshot.backtests["b10"], "id": "b99"}


@breaks(writes.TWICE)
def a_change_was_applied_twice(story: Story) -> None:
    row_of(story, "s1").update(revision=3)


@breaks(writes.TWICE)
def what_was_created_and_deleted_is_there_once_more(story: Story) -> None:
    story.snapshot.strategies["s9"] = {**story.snapshot.strategies["s1"], "id": "s9", "description": "lane-0-0.3"}


@breaks(writes.NOWHERE)
def a_strategy_is_nobodys(story: Story) -> None:
    story.snapshot.strategies["s9"] = {**story.snapshot.strategies["s1"], "id": "s9", "description": "other"}


@breaks(writes.REFUSED)
def a_refused_create_is_there(story: Story) -> None:
    story.ask("strategy.create", "POST", {"status": 422, "body": {}}, mark="lane-0-0.8")
    story.snapshot.strategies["s8"] = {**story.snapshot.strategies["s1"], "id": "s8", "description": "lane-0-0.8"}


@breaks(reads.STALE)
def a_read_misses_a_change(story: Story) -> None:
    answer_of(story, "strategy.read", 1)["body"].update(revision=1, name="lane-0-0.1")


@breaks(reads.STALE)
def a_read_does_not_find_what_was_created(story: Story) -> None:
    answer_of(story, "strategy.read", 0).update(status=404, body={})


@breaks(reads.STALE)
def a_read_finds_what_was_deleted(story: Story) -> None:
    answer_of(story, "strategy.read", 3).update(
        status=200, body={"id": "s3", "name": "lane-0-0.3", "description": "lane-0-0.3", "revision": 1}
    )


@breaks(reads.STALE)
def a_client_is_told_that_its_old_copy_is_good(story: Story) -> None:
    story.ask("strategy.read", "GET", {"status": 304}, subject="s1", token=True, tag='"s1-1"')


@breaks(reads.STALE)
def a_list_misses_what_was_created(story: Story) -> None:
    answer_of(story, "strategy.list")["items"].pop()


@breaks(reads.STALE)
def a_list_shows_an_old_revision(story: Story) -> None:
    answer_of(story, "strategy.list")["items"][0]["revision"] = 1


@breaks(reads.STALE)
def a_list_shows_what_was_deleted(story: Story) -> None:
    story.listed()
    gone = {"id": "s3", "name": "lane-0-0.3", "revision": 1}
    answer_of(story, "strategy.list", 1)["items"].append(gone)


@breaks(reads.STALE)
def a_list_misses_a_backtest(story: Story) -> None:
    answer_of(story, "backtest.list")["items"].pop(0)


@breaks(reads.STALE)
def a_cancelled_backtest_still_runs(story: Story) -> None:
    answer_of(story, "backtest.read")["body"].update(status="running")


@breaks(reads.NOWHERE)
def a_read_shows_what_nobody_wrote(story: Story) -> None:
    answer_of(story, "strategy.read", 0)["body"].update(name="other")


@breaks(reads.STILL_STALE)
def the_cache_stays_old(story: Story) -> None:
    answer_of(story, "final.read", 0)["body"].update(revision=1)


@breaks(events.LOST)
def an_event_never_comes(story: Story) -> None:
    story.log.pop(3)


@breaks(events.LOST)
def the_last_event_never_comes(story: Story) -> None:
    story.log.pop()


@breaks(events.LOST)
def a_change_was_committed_without_an_event(story: Story) -> None:
    story.snapshot.versions["strategy:s1"] += 1


@breaks(events.DOUBLED)
def one_event_has_two_sequences(story: Story) -> None:
    again = copy.deepcopy(story.log[2])
    last = story.snapshot.sequences[STRATEGY] = story.snapshot.sequences[STRATEGY] + 1
    again["entry"] = f"{last}-0"
    again["fields"]["sequence"] = str(last)
    story.log.append(again)


@breaks(events.DOUBLED)
def one_change_has_two_events(story: Story) -> None:
    story.event("updated", "strategy:s1", f"strategies:{OWNER}")
    story.snapshot.versions["strategy:s1"] -= 1
    story.log[-1]["fields"]["data"] = story.log[0]["fields"]["data"]


@breaks(events.DIFFERS)
def a_repeat_has_another_content(story: Story) -> None:
    again = copy.deepcopy(story.log[2])
    again["fields"]["time"] = "later"
    story.log.append(again)


@breaks(events.DIFFERS)
def a_repeat_has_another_id(story: Story) -> None:
    again = copy.deepcopy(story.log[2])
    again["fields"]["id"] = "other"
    story.log.append(again)


@breaks(events.DIFFERS)
def an_entry_is_not_under_its_sequence(story: Story) -> None:
    story.log[2]["fields"]["sequence"] = "99"


@breaks(events.ORDER)
def two_events_of_a_subject_are_swapped(story: Story) -> None:
    places = [place for place, line in enumerate(story.log) if line["fields"]["subject"] == "strategy:s1"]
    first, second = places[0], places[1]
    story.log[first], story.log[second] = story.log[second], story.log[first]


@breaks(events.NOWHERE)
def an_event_is_of_nothing(story: Story) -> None:
    extra = copy.deepcopy(story.log[-1])
    extra["entry"] = "999-0"
    extra["fields"] |= {"sequence": "999", "id": "other"}
    story.log.append(extra)


@breaks(events.NOWHERE)
def an_event_is_of_a_version_that_was_rolled_back(story: Story) -> None:
    story.snapshot.versions["strategy:s1"] -= 1


@breaks(events.NOWHERE)
def another_event_came_than_the_database_has(story: Story) -> None:
    story.snapshot.outbox[BACKTEST, 2] = "other"


@breaks(events.UNPUBLISHED)
def an_event_waits_in_the_outbox(story: Story) -> None:
    story.snapshot.unpublished.append({"stream": STRATEGY, "subject": "strategy:s1", "type": "updated"})


@breaks(jobs.STUCK)
def a_run_never_ends(story: Story) -> None:
    story.snapshot.backtests["b10"] = {**story.snapshot.backtests["b10"], "status": "running"}


@breaks(jobs.FAILED)
def a_run_fails(story: Story) -> None:
    story.snapshot.backtests["b10"] = {**story.snapshot.backtests["b10"], "status": "failed", "error": "why"}


@breaks(jobs.DIFFERS)
def the_same_run_has_another_result(story: Story) -> None:
    other = {**story.snapshot.backtests["b10"], "id": "b20", "owner_id": "other", "result_digest": "other"}
    story.snapshot.backtests["b20"] = other


@breaks(answers.UNEXPECTED)
def an_internal_error(story: Story) -> None:
    story.ask("strategy.read", "GET", {"status": 500, "body": {}}, subject="s1", token=True)


@breaks(answers.UNEXPECTED)
def unavailable_without_a_time(story: Story) -> None:
    story.ask("strategy.read", "GET", {"status": 503, "body": {}}, subject="s1", token=True)


@breaks(answers.UNEXPECTED)
def a_valid_request_is_refused(story: Story) -> None:
    story.ask("strategy.create", "POST", {"status": 400, "body": {}}, mark="lane-0-0.8")


@breaks(answers.UNEXPECTED)
def a_change_does_not_find_what_is_there(story: Story) -> None:
    story.ask("strategy.patch", "PATCH", {"status": 404, "body": {}}, subject="s1", mark="lane-0-0.8")


@breaks(answers.REPEAT)
def a_repeat_makes_another_one(story: Story) -> None:
    made = [{"status": 202, "body": {"id": each, "status": "queued"}} for each in ("b30", "b31")]
    story.ask("backtest.create", "POST", *made, mark=30)


@breaks(answers.REPEAT)
def a_repeat_answers_something_else(story: Story) -> None:
    made = {"status": 201, "body": {"id": "s30", "name": "n", "revision": 1}}
    story.ask("strategy.create", "POST", made, made, mark="lane-0-0.30")
    story.journal[-1]["digest"] = "other"


@breaks(answers.SICK)
def a_request_fails_long_after_a_fault(story: Story) -> None:
    story.now = 120.0
    story.ask("strategy.read", "GET", UNAVAILABLE, subject="s1", token=True)


@breaks(answers.SICK)
def a_request_fails_before_the_first_fault(story: Story) -> None:
    story.now = 100.0
    story.ask("strategy.read", "GET", None, subject="s1", token=True)


@breaks(answers.SLOW)
def a_fault_heals_late(story: Story) -> None:
    story.faults[0] = replace(story.faults[0], healed=5.1)


@breaks(answers.SLOW)
def a_fault_never_heals(story: Story) -> None:
    story.faults[0] = replace(story.faults[0], healed=None)


def test_an_honest_log_passes() -> None:
    """With refusals, lost answers, changes that happened although nobody was told, and a fault."""
    assert check(honest().evidence()) == []


@pytest.mark.parametrize(("rule", "doctor"), MUTATIONS, ids=[doctor.__name__ for _, doctor in MUTATIONS])
def test_what_breaks_a_promise_is_found(rule: str, doctor: Doctor) -> None:
    """Each under its own name."""
    story = honest()
    doctor(story)
    assert rule in rules_of(story)


def test_every_rule_is_tried() -> None:
    """There is a doctored log for each rule of each module."""
    modules = (answers, events, jobs, reads, writes)
    rules = {
        getattr(module, name)
        for module in modules
        for name in vars(module)
        if name.isupper() and _is_rule(module, name)
    }
    assert {rule for rule, _ in MUTATIONS} == rules


def _is_rule(module: object, name: str) -> bool:
    value = getattr(module, name)
    return isinstance(value, str) and " " in value


def test_what_is_not_promised_is_no_violation() -> None:
    """A write that was never answered may have happened once or not; repeats of events, and reads without a token."""
    story = honest()
    story.ask("strategy.create", "POST", None, None, mark="lane-0-0.40")
    story.patched("s1", 41, None, told=False)
    story.ask("strategy.patch", "PATCH", {"status": 504, "body": {}}, subject="s1", mark="lane-0-0.42")
    story.log += copy.deepcopy(story.log[:4])
    old = {"id": "s1", "name": "lane-0-0.1", "description": "lane-0-0.1", "revision": 1}
    story.ask("strategy.read", "GET", {"status": 200, "body": old}, subject="s1", token=False)
    story.snapshot.backtests["b10"] = {**story.snapshot.backtests["b10"], "status": "queued"}
    story.progressing = True
    story.faults = [FaultRun("kill strategy-1", 101.5, 1000.0, 2.0, 5.0, 2000.0)]
    assert [each for each in check(story.evidence()) if each.rule != reads.STILL_STALE] == []


def test_a_line_that_was_cut_off_is_left_out() -> None:
    """The consumer died while it wrote: the entry was not acknowledged, and comes again."""
    from tests.faults.checker.deliveries import read_deliveries

    assert read_deliveries(['{"what": "event", "at": 1.0, "str']) == []


def test_the_checker_shares_no_code_with_what_it_checks() -> None:
    """Neither services nor shared are imported, by whatever way."""
    look = (
        "import sys, tests.faults.checker; print([m for m in sys.modules if m.split('.')[0] in ('services', 'shared')])"
    )
    found = subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"

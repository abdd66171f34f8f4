"""Each safeguard of the scripts, taken away: the test that holds it up fails."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from shared.cache import scripts
from shared.cache.scripts import Script
from shared.cache.tests import test_floors, test_openings, test_redis_store, test_store
from shared.cache.tests.labs import ServerLab


class Safeguard(NamedTuple):
    """Where it stands, what is there without it, and a test that then fails."""

    script: Script
    text: str
    without: str
    test: Callable[..., Awaitable[None]]


SAFEGUARDS = {
    "no lease while closed": Safeguard(
        scripts.GET,
        "if status ~= 'open' then return {'CLOSED'} end",
        "",
        test_redis_store.test_a_state_that_is_lost_before_the_script_runs_is_noticed_by_it,
    ),
    "a script sees what was filled meanwhile": Safeguard(
        scripts.GET,
        "if entry[1] == head[1] then",
        "if false then",
        test_redis_store.test_an_entry_filled_since_the_pipeline_is_found_by_the_script,
    ),
    "another process's state is none": Safeguard(
        scripts.FILL, "found[2] ~= ARGV[1]", "not found[2]", test_openings.test_a_state_of_another_process_is_none
    ),
    "nothing is filled while opening": Safeguard(
        scripts.FILL,
        "if status ~= 'open' then return 'closed' end",
        "",
        test_openings.test_between_begin_and_finish_nobody_is_served_and_nothing_is_stored,
    ),
    "a head is of one incarnation": Safeguard(
        scripts.FILL,
        " and string.sub(head[1], 1, #incarnation) == incarnation",
        "",
        test_openings.test_nothing_from_before_an_opening_is_served_after_it,
    ),
    "a lease is of one life": Safeguard(
        scripts.FILL,
        "if head[1] ~= ARGV[2] then return 'lineage' end",
        "",
        test_store.test_a_wiped_server_does_not_let_a_slow_reader_fill,
    ),
    "nothing is filled below the floor": Safeguard(
        scripts.FILL,
        "if version < tonumber(head[2]) then",
        "if false then",
        test_store.test_a_writer_that_overtakes_a_reader_is_not_undone_by_it,
    ),
    "an orphan is older than the lease": Safeguard(
        scripts.FILL,
        "if tonumber(ARGV[3]) - tonumber(head[4]) <= 30000 then return 'floor' end",
        "",
        test_floors.test_a_slow_reader_does_not_drop_the_floor_of_a_writer_that_lives,
    ),
    "an orphan is dropped": Safeguard(
        scripts.FILL,
        "tonumber(ARGV[3]) - tonumber(head[4]) <= 30000",
        "true",
        test_floors.test_the_floor_of_a_writer_that_died_is_dropped_in_time,
    ),
    "no older entry in place of a newer one": Safeguard(
        scripts.FILL,
        "then return 'older' end",
        "then version = version end",
        test_store.test_a_slow_fill_does_not_replace_a_newer_entry,
    ),
    "a raise makes a head": Safeguard(
        scripts.RAISE,
        " or new_head(KEYS[2], incarnation .. ARGV[4])",
        "\nif not head then return 'raised' end",
        test_floors.test_a_floor_is_raised_for_an_object_that_nobody_has_read,
    ),
    "an equal floor has a new owner": Safeguard(
        scripts.RAISE,
        "tonumber(ARGV[2]) >= tonumber(head[2])",
        "tonumber(ARGV[2]) > tonumber(head[2])",
        test_floors.test_a_floor_is_taken_back_only_by_who_raised_it_last,
    ),
    "a raise counts while opening": Safeguard(
        scripts.RAISE,
        "if status == 'closed'",
        "if status ~= 'open'",
        test_openings.test_what_is_raised_while_it_is_being_opened_counts,
    ),
    "a raise is noted": Safeguard(
        scripts.RAISE,
        "redis.call('HSET', KEYS[2], 'touched', text(now()))",
        "",
        test_floors.test_a_slow_reader_does_not_drop_the_floor_of_a_writer_that_lives,
    ),
    "only its owner takes a floor back": Safeguard(
        scripts.UNRAISE,
        " or head[3] ~= ARGV[3]",
        "",
        test_floors.test_a_floor_is_taken_back_only_by_who_raised_it_last,
    ),
    "only that version is taken back": Safeguard(
        scripts.UNRAISE,
        "tonumber(head[2]) ~= tonumber(ARGV[2]) or ",
        "",
        test_floors.test_a_floor_is_taken_back_only_by_who_raised_it_last,
    ),
    "an event confirms a floor": Safeguard(
        scripts.INVALIDATE,
        "'floor', ARGV[2], 'raised_by', ''",
        "'floor', ARGV[2]",
        test_floors.test_a_floor_that_an_event_has_confirmed_is_not_taken_back,
    ),
    "an event lowers no floor": Safeguard(
        scripts.INVALIDATE,
        "if version >= floor then",
        "if true then",
        test_store.test_late_and_repeated_events_do_no_harm,
    ),
    "what is open is not begun again": Safeguard(
        scripts.BEGIN, "found[1] == 'open' or ", "", test_openings.test_what_is_open_is_not_opened_again
    ),
    "of several openers one begins": Safeguard(
        scripts.BEGIN,
        "age < tonumber(ARGV[3])",
        "false",
        test_openings.test_of_several_openers_one_begins,
    ),
    "an opening is of one incarnation": Safeguard(
        scripts.FINISH, " or found[3] ~= ARGV[2]", "", test_openings.test_of_several_openers_one_begins
    ),
    "an opening is of one process": Safeguard(
        scripts.FINISH,
        " or found[2] ~= ARGV[1]",
        "",
        test_openings.test_an_opening_of_another_process_is_not_finished,
    ),
}


@pytest.mark.parametrize("name", SAFEGUARDS)
async def test_what_holds_it_up_fails_without_it(
    server_lab: ServerLab, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And passes with it, as everywhere else."""
    guard = SAFEGUARDS[name]
    assert guard.script.source.count(guard.text) == 1
    (script,) = (each for each, value in vars(scripts).items() if value is guard.script)
    monkeypatch.setattr(scripts, script, scripts.made(guard.script.source.replace(guard.text, guard.without)))
    with pytest.raises(AssertionError):
        await guard.test(server_lab)

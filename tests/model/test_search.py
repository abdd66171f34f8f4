"""The search finds what is there: every state once, the shortest way to a violation, and nothing that is not there."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.model.__main__ import main
from tests.model.search import search


@dataclass(frozen=True)
class Counter:
    """A number that goes up by one or by two, modulo `size`; to reach `bad` breaks a promise, to step to it another."""

    size: int = 100
    bad: int = -1

    def initial(self) -> int:
        """Zero."""
        return 0

    def steps(self, state: int) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        """Up by one, up by two."""
        for by in (1, 2):
            reached = (state + by) % self.size
            yield f"+{by}", reached, ("STEP",) if reached == self.bad else ()

    def broken(self, state: int) -> tuple[str, ...]:
        """Whether it is the bad one."""
        return ("STATE",) if state == self.bad else ()

    def normal(self, state: int) -> int:
        """Each stands for itself."""
        return state


@pytest.mark.parametrize("keep_traces", [True, False])
def test_every_state_is_looked_at_once(keep_traces: bool) -> None:
    """With traces and without."""
    outcome = search(Counter(), keep_traces=keep_traces)
    assert (outcome.states, outcome.transitions) == (100, 200)
    assert outcome.is_exhausted
    assert not outcome.broken


def test_the_way_to_a_violation_is_the_shortest() -> None:
    """Of all ways to 7 one with four steps."""
    outcome = search(Counter(bad=7))
    assert outcome.broken == {"STATE", "STEP"}
    for trace in outcome.traces.values():
        assert len(trace) == 4
        assert sum(int(step) for step in trace) == 7


def test_it_stops_when_all_is_found_that_was_looked_for() -> None:
    """And says that it has not seen the rest."""
    outcome = search(Counter(bad=7), until=("STEP",))
    assert not outcome.is_exhausted
    assert outcome.states < 15


def test_it_stops_at_the_most_states_that_are_allowed() -> None:
    """And says so as well."""
    outcome = search(Counter(), most=10)
    assert not outcome.is_exhausted


def test_a_search_that_was_cut_short_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """The command fails when a search has not found all it had to, or not looked at all there is."""
    assert main(["ours", "--most", "100"]) == 1
    assert "NOT AS EXPECTED" in capsys.readouterr().out
    assert main(["floors-only-evicted"]) == 0


def test_the_command_takes_other_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault more, a read less."""
    assert main(["ours", "--reads", "1,0", "--writers", "1", "--faults", "crash,timeout=1", "--at-most", "1"]) == 0
    assert "exhausted; broken: nothing" in capsys.readouterr().out


def test_the_command_lists_all_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it says."""
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "delete-on-write" in out
    assert "(long)" in out

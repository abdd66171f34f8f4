"""What the aggregate knows outlives it: another one that begins with its state goes on as if it were the same."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.core.aggregate import Aggregate, Snapshot
from services.metrics.core.state import SeriesState, State, pack, unpack
from services.metrics.core.tests.batches import batch, hits, http, memory
from services.metrics.core.totals import Series
from shared.contracts.timings import TimingBatch


@st.composite
def streams(draw: st.DrawFn) -> list[TimingBatch]:
    """What came on the stream of three processes that began and ended: cumulative, late, doubled, some of it lost."""
    came = []
    for instance in ("gateway-1", "gateway-2", "gateway-3"):
        durations: list[float] = []
        number = draw(st.integers(1, 5))
        for sequence in range(1, number + 1):
            # Multiples of 1/1024 are exact, so that sums are the same in any order.
            fresh = [n / 1024 for n in draw(st.lists(st.integers(1, 20_000), max_size=4))]
            durations += fresh
            came.append(
                batch(
                    sequence,
                    instance=instance,
                    histograms=[http(durations)],
                    counters=[hits(len(durations)), hits(sequence, "user")],
                    gauges=[memory(sequence)],
                    recent=fresh,
                    last=sequence == number and draw(st.booleans()),
                )
            )
    return draw(st.lists(st.sampled_from(came), max_size=20))


def fed(aggregate: Aggregate, batches: Sequence[TimingBatch], since: int = 0) -> Aggregate:
    """Feed it, a second after the other."""
    for number, one in enumerate(batches, since):
        aggregate.apply(one, float(number))
    return aggregate


@given(streams(), st.integers(0, 20))
def test_another_life_goes_on_where_the_last_one_was(came: list[TimingBatch], died: int) -> None:
    """Wherever it was cut off, and whatever comes after: totals, gauges, places, rates are those of a whole life."""
    whole = fed(Aggregate(), came)
    first = fed(Aggregate(), came[:died])
    second = fed(Aggregate(unpack(pack(first.state()))), came[died:], died)
    assert second.snapshot() == whole.snapshot()
    assert second.state() == whole.state()


@given(streams(), st.integers(0, 20), st.integers(0, 20))
def test_what_is_taken_in_again_changes_no_total(came: list[TimingBatch], died: int, again: int) -> None:
    """The stream may be read from before the place up to which the state counts."""
    first = fed(Aggregate(), came[:died])
    second = fed(Aggregate(unpack(pack(first.state()))), came[max(0, died - again) : died])
    assert totals(second.snapshot()) == totals(first.snapshot())


def totals(snapshot: Snapshot) -> dict[str, Series]:
    """Return what only grows."""
    return {name: series for name, series in snapshot.series.items() if name.endswith(("_total", "answers_seconds"))}


def test_what_has_no_row_in_the_table_any_more_is_left_out() -> None:
    """A state of an older release is no reason to fail: of a metric that is gone, or has other labels now."""
    state = fed(Aggregate(), [batch(counters=[hits(3)], histograms=[http([0.1])])]).state()
    strange = [
        SeriesState("gone_total", ("a",), [1]),
        SeriesState("aurelius_cache_hits_total", ("a", "b"), [1]),
        SeriesState("http_answers_seconds", ("GET", "/", "200"), [1, 2, 3]),
    ]
    process = state.processes[0]
    older = msgspec.structs.replace(
        state,
        totals=[*strange, *state.totals],
        processes=[msgspec.structs.replace(process, series=[*strange, *process.series])],
    )
    assert Aggregate(older).state() == state


@pytest.mark.parametrize("packed", [b"", b"{", msgspec.msgpack.encode({"now": "never"})])
def test_what_is_no_state_is_told(packed: bytes) -> None:
    """With one kind of error."""
    with pytest.raises(msgspec.MsgspecError):
        unpack(packed)


def test_an_empty_state_is_one() -> None:
    """A life in which nothing came."""
    assert unpack(pack(Aggregate().state())) == State(
        now=0.0, totals=[], processes=[], ended=[], durations=[], by_second={}
    )

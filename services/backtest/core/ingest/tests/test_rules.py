"""Every breach of a rule is named with its row and column, and sound bars have none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.ingest.faults import MAX_TOLD, Faults
from services.backtest.core.ingest.rules import find_faults
from services.backtest.core.ingest.table import NO_TIME
from services.backtest.core.ingest.tests.tables import DAY, table
from shared.contracts.errors import Invalid


def faults_of(**changed: Any) -> list[tuple[str, str]]:
    """The pointers and messages of a table with these cells changed."""
    faults = Faults()
    find_faults(table(**changed), faults)
    if not faults.total:
        faults.raise_if_any()
        return []
    with pytest.raises(Invalid) as caught:
        faults.raise_if_any()
    return [(error.pointer, error.message) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("changed", "pointer", "words"),
    [
        ({"time": {2: 1 * DAY}}, "/file/row/3/time", "is the time of the row before it too"),
        ({"time": {2: 0}}, "/file/row/3/time", "1970-01-01Z is before 1970-01-02Z"),
        ({"open": {1: 0.0}}, "/file/row/2/open", "0.0 is not above 0"),
        ({"high": {1: -1.0}}, "/file/row/2/high", "-1.0 is not above 0"),
        ({"close": {4: -1.5}}, "/file/row/5/close", "-1.5 is not above 0"),
        ({"high": {0: 10.5}}, "/file/row/1/high", "10.5 is below the close 11.0"),
        ({"high": {0: 10.5}, "open": {0: 11.5}}, "/file/row/1/high", "10.5 is below the open 11.5"),
        ({"low": {3: 10.5}}, "/file/row/4/low", "10.5 is above the open 10.0"),
        ({"low": {3: 10.5}, "close": {3: 9.5}}, "/file/row/4/low", "10.5 is above the close 9.5"),
        ({"volume": {2: -1.0}}, "/file/row/3/volume", "-1.0 is negative"),
    ],
)
def test_a_breach_names_its_cell(changed: dict[str, dict[int, float]], pointer: str, words: str) -> None:
    """One broken rule is one fault, at its own row and column, and says the numbers."""
    ((found, message),) = faults_of(**changed)
    assert found == pointer
    assert words in message


def test_sound_bars_have_no_fault() -> None:
    """Flat bars, no volume, and a high that is the open are all sound."""
    assert faults_of(high={0: 11.0}, low={0: 10.0}, volume={1: 0.0}) == []


def test_what_could_not_be_read_breaks_no_rule() -> None:
    """Those cells are told of already, by whoever read them."""
    assert faults_of(open={1: np.nan}, volume={2: np.nan}, time={0: NO_TIME, 3: NO_TIME}) == []


def test_all_is_counted_and_the_first_rows_are_told() -> None:
    """A file full of faults answers with its first twenty, in order of rows, and with how many there are."""
    faults = Faults()
    find_faults(table(1000, volume=dict.fromkeys(range(1000), -1.0), open={0: -1.0, 5: -1.0}), faults)
    with pytest.raises(Invalid, match="1002 faults were found in the bars; the first 20 are listed") as caught:
        faults.raise_if_any()
    rows = [int(error.pointer.split("/")[3]) for error in caught.value.errors]
    assert rows == [1, 1, 2, 3, 4, 5, 6, 6, *range(7, 19)]
    assert len(rows) == MAX_TOLD


@given(
    st.lists(
        st.tuples(*[st.sampled_from([1.0, 2.0, 3.0])] * 4, st.sampled_from([0.0, 1.0, -1.0])), min_size=1, max_size=8
    )
)
def test_the_rules_are_those_of_the_design(bars: list[tuple[float, ...]]) -> None:
    """A table has faults exactly when a bar is not low <= open, close <= high with a volume that is not negative."""
    columns = dict(zip(("open", "high", "low", "close", "volume"), zip(*bars, strict=True), strict=True))
    faults = Faults()
    find_faults(table(len(bars), **{name: dict(enumerate(values)) for name, values in columns.items()}), faults)
    wrong = sum(
        (high < max(open_, close)) + (low > min(open_, close)) + (volume < 0)
        for open_, high, low, close, volume in bars
    )
    assert faults.total == wrong

"""The ids of dead letters."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.dead_letter_ids import LetterId, letter_id
from shared.contracts.streams import DEAD_LETTERS, PROCESSES, STREAMS, dead_stream

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS, st.sampled_from(sorted(DEAD_LETTERS)))
def test_an_id_is_read_as_it_is_written(milliseconds: int, number: int, stream: str) -> None:
    """Whatever the stream."""
    letter = LetterId(milliseconds, number, stream)
    assert letter_id(str(letter)) == letter


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "rpc.strategy", "rpc.strategy:", "rpc.strategy:1", "rpc.strategy:1-", "rpc.strategy:-1", ":1-0",
        "rpc.strategy:01-0", "rpc.strategy:1-0-0", "rpc.strategy:1-0 ", "rpc.strategy:\u0661-0", "RPC:1-0",
        f"rpc.strategy:{2**64}-0", f"rpc.strategy:0-{2**64}", "rpc.strategy:+1-0", "a\n:1-0",
    ],
)  # fmt: skip
def test_another_text_is_none(text: str) -> None:
    """Two spellings of one id would be two letters to whoever compares them."""
    with pytest.raises(ValueError, match="no id of a dead letter"):
        letter_id(text)


@given(st.text() | st.from_regex(r"[a-z.]*:[0-9]*-[0-9]*"))
def test_what_is_read_is_written_the_same(text: str) -> None:
    """Whatever else there may be is refused."""
    with contextlib.suppress(ValueError):
        assert str(letter_id(text)) == text


def test_letters_sort_by_time() -> None:
    """Then by stream, so that a page of several streams has one order."""
    a, b = sorted(DEAD_LETTERS)[:2]
    assert sorted([LetterId(2, 0, a), LetterId(1, 5, b), LetterId(1, 5, a)]) == [
        LetterId(1, 5, a), LetterId(1, 5, b), LetterId(2, 0, a),
    ]  # fmt: skip


def test_every_stream_with_a_group_has_dead_letters() -> None:
    """Its reader's; but for the workers', whose entries say nothing."""
    by_name = {stream.name: stream for stream in STREAMS}
    for stream in STREAMS:
        owners = {reader.name for reader in stream.readers if reader.group and reader.name in PROCESSES}
        if stream.name == "aurelius.jobs.backtest" or not owners:
            assert stream.name not in DEAD_LETTERS
        else:
            assert {DEAD_LETTERS[stream.name]} == owners
            assert by_name[dead_stream(stream.name)].writers == (DEAD_LETTERS[stream.name],)

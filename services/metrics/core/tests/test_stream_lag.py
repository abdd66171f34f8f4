"""How far a consumer group is behind."""

from services.metrics.core.stream_lag import entries_behind, seconds_since


def test_dense_sequences_are_subtracted() -> None:
    """The server cannot count entries whose ids it did not make."""
    assert entries_behind("<sequence>-0", b"120-0", b"100-0", None) == 20
    assert entries_behind("<sequence>-0", b"120-0", b"0-0", None) == 120


def test_a_stream_restored_behind_its_group_is_not_negative() -> None:
    """The group has nothing to get."""
    assert entries_behind("<sequence>-0", b"5-0", b"9-0", None) == 0


def test_ids_of_the_server_are_counted_by_the_server() -> None:
    """And when it cannot tell, nobody can."""
    assert entries_behind("*", b"1700000000000-3", b"1700000000000-0", 3) == 3
    assert entries_behind("*", b"1700000000000-3", b"1700000000000-0", None) is None


def test_an_id_that_the_server_made_tells_its_age() -> None:
    """By the server's own clock; one that was set back does not make it negative."""
    assert seconds_since(b"1700000000500-3", 1_700_000_010.5) == 10
    assert seconds_since(b"1700000000500-3", 1_600_000_000.0) == 0

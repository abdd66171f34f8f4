"""What is read of an event."""

from services.metrics.core.change_events import Changed, changed_by


def test_the_objects_and_the_trace_are_read() -> None:
    """Of any event, known to this version or not."""
    fields = {b"data": b'{"objects": {"strategy:1": 3, "strategies:2": 4}, "x": 1}', b"traceparent": b"00-a-b-01"}
    assert changed_by(fields) == Changed(["strategy:1", "strategies:2"], "00-a-b-01")


def test_what_is_no_event_has_changed_nothing() -> None:
    """Whatever is written into the stream."""
    for data in (b"", b"{", b'{"objects": 3}', b'{"objects": {"a": "b"}}', b"\xff"):
        assert changed_by({b"data": data}) == Changed([], "")
    assert changed_by({}) == changed_by({b"data": b"{}", b"traceparent": b"\xff"}) == Changed([], "")

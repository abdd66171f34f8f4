"""Request ids and W3C Trace Context (https://www.w3.org/TR/trace-context/): taken when well formed, else made.

Those made here name requests in logs and give nobody a right, so that they need not be hard to guess: the generator of
`random`, which each process seeds anew, makes them in a tenth of the time that the system's takes.
"""

import random
import re
import time

from shared.contracts.trace_context import KNOWN_FLAGS, TRACEPARENT

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(TRACEPARENT.encode())

_bits = random.getrandbits


def request_id(header: bytes) -> bytes:
    """Return the client's request id, or a fresh one, a UUIDv7, when there is none that is safe to echo."""
    if header and _REQUEST_ID.fullmatch(header):
        return header
    at, bits = time.time_ns() // 1_000_000, _bits(74)
    return b"%08x-%04x-7%03x-%04x-%012x" % (
        at >> 16,
        at & 0xFFFF,
        bits & 0xFFF,
        0x8000 | bits >> 12 & 0x3FFF,
        bits >> 26,
    )


def traceparent(header: bytes) -> bytes:
    """Return the trace context of this request: the caller's trace with a span of ours, or a new trace."""
    span = _bits(64) or 1  # of zeros alone they would be none
    found = _TRACEPARENT.fullmatch(header) if header else None
    if found is None:
        return b"00-%032x-%016x-01" % (_bits(128) or 1, span)
    return b"00-%s-%016x-%02x" % (found[1], span, int(found[3], 16) & KNOWN_FLAGS)

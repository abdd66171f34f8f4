"""Request ids and W3C Trace Context (https://www.w3.org/TR/trace-context/): taken when well formed, else made."""

import os
import re

from shared.contracts.ids import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


def request_id(header: str) -> str:
    """Return the client's request id, or a fresh one when there is none that is safe to echo."""
    return header if _REQUEST_ID.fullmatch(header) else new_id()


def traceparent(header: str) -> str:
    """Return the trace context of this request: the caller's trace with a span of ours, or a new trace."""
    span = os.urandom(8).hex()
    found = _TRACEPARENT.fullmatch(header)
    if found is None:
        return f"00-{os.urandom(16).hex()}-{span}-01"
    return f"00-{found[1]}-{span}-{found[2]}"

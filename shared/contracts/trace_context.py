"""W3C Trace Context (https://www.w3.org/TR/trace-context/), as requests, events and jobs carry it."""

from typing import Final

TRACEPARENT: Final = r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
"""What a whole `traceparent` looks like, with its trace, its span and its flags.

One of a later version than 00 may go on behind a dash, with what is left alone here.
"""
KNOWN_FLAGS: Final = 0b11
"""That a trace is sampled, and that its id is random. What others may come to mean is not passed on."""

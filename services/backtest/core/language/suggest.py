"""Did you mean...? The nearest known name to one that is unknown."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_TYPO = 64


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean `x`?` for the known name nearest to `name`, or an empty string when none is near."""
    if len(name) > LONGEST_TYPO:
        return ""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(name.lower(), by_lower_case, n=1, cutoff=0.6)
    return f"; did you mean `{by_lower_case[near[0]]}`?" if near else ""

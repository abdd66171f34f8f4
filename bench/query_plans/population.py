"""Whose rows there are. Nothing is spread evenly: that would hide every bad plan."""

import hashlib
import uuid

OWNERS = 1000
DATASETS = 20
"""How many datasets the runs of the biggest owner are on; those of the others are on the first five of theirs."""

VERSIONS = 1000
"""How many the one strategy has that has more than one."""


def key(text: str) -> str:
    """Return the id that stands for `text`: `md5(text)::uuid` in SQL."""
    return str(uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


def owner(number: int) -> str:
    """Return an owner. Number 0 has a fifth of the runs and a tenth of all else; 10 to 999 have 0.1 % at most."""
    return key(f"owner {number}")


def strategy(number: int, of: int = 0) -> str:
    """Return a strategy that an owner has runs of."""
    return key(f"strategy {of}.{number}")


def dataset(number: int, of: int = 0) -> str:
    """Return a dataset that an owner has runs on."""
    return key(f"dataset {of}.{number}")


BIGGEST, SMALL, NOBODY = owner(0), owner(500), key("nobody")

USUAL, FAILING, IDLE = strategy(0), strategy(2), strategy(3)
"""Of the biggest owner: half of all its runs; one whose runs fail but for a few; one that never trades (no sharpe)."""

FOREIGN_STRATEGY, FOREIGN_DATASET = strategy(0, of=1), dataset(0, of=1)
"""Another owner's, with many runs."""

MAIN, SELDOM = dataset(0), dataset(7)
"""Of the biggest owner: on 6 of 10 runs; on 1 in 10,000."""

SESSION = key("session 1")
"""The one with a tenth of all used refresh tokens."""

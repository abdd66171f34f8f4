"""How many random examples a property is tried on: few in `make test`, ten times as many in `make verify`."""

import os

TEST_DEPTH = int(os.environ.get("TEST_DEPTH", "1"))


def examples(few: int) -> int:
    """`few`, or as many times that as TEST_DEPTH says."""
    return few * TEST_DEPTH

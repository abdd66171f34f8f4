"""After which bars a series is cut: at random behind the first decision, and around it."""

import random


def cuts(first_decision: int, bars: int, count: int, rng: random.Random) -> list[int]:
    """At most `count` numbers of bars to keep, each 1 to `bars` - 1, in rising order.

    `first_decision` is the bar of the first decision, so that a cut keeps none before it and one when it is one more.
    """
    behind = [rng.randrange(first_decision + 2, bars) for _ in range(count)]
    wanted = [*behind[:1], first_decision + 1, first_decision, first_decision - 1, *behind[1:]]
    kept = dict.fromkeys(cut for cut in wanted if 1 <= cut < bars)
    return sorted(list(kept)[:count])

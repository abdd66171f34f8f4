"""When callers may pass, and when the server is tried again."""

from shared.cache.breaker import FIRST_PAUSE, LONGEST_PAUSE, Breaker


class Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_one_failure_stops_everybody_and_one_success_lets_them_pass() -> None:
    """No second caller pays for a server known to be gone."""
    breaker = Breaker(Clock())
    assert breaker.closed
    breaker.failed()
    assert not breaker.closed
    breaker.succeeded()
    assert breaker.closed


def test_working_means_that_an_exchange_has_succeeded() -> None:
    """Before the first exchange nothing is known, after a failure it does not work."""
    breaker = Breaker(Clock())
    assert not breaker.working
    breaker.succeeded()
    assert breaker.working
    breaker.failed()
    assert not breaker.working


def test_a_closed_breaker_needs_no_probe() -> None:
    """There is nothing to find out."""
    assert not Breaker(Clock()).claim_probe()


def test_pauses_double_up_to_a_limit_and_start_over_after_a_success() -> None:
    """A server that is gone for long is asked seldom, one that comes back is soon found, whoever fails meanwhile."""
    clock = Clock()
    breaker = Breaker(clock)

    def pauses(count: int) -> list[float]:
        found = []
        for _ in range(count):
            began = clock.now
            while not breaker.claim_probe():
                clock.now += FIRST_PAUSE / 2
                breaker.failed()
            assert not breaker.claim_probe()
            found.append(clock.now - began)
        return found

    breaker.failed()
    assert pauses(6) == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    breaker.succeeded()
    breaker.failed()
    assert pauses(2) == [FIRST_PAUSE, 2 * FIRST_PAUSE]

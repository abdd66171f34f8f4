"""How long records live."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cache.settings import CacheSettings

KINDS = (
    *("strategy", "strategies", "backtest", "backtests", "sweep", "sweeps", "validation", "validations"),
    *("user", "users", "session", "gate", "gates", "dataset", "datasets"),
)


@dataclass(frozen=True)
class Environment:
    """What the environment says."""

    redis_enabled: bool = True
    cache_ttl_strategy: float = 1
    cache_ttl_backtest: float = 2
    cache_ttl_validation: float = 3
    cache_ttl_user: float = 4
    cache_ttl_gates: float = 5

    def cache_url(self) -> str:
        """Where nobody is."""
        return "redis://127.0.0.1:1/0"


@given(st.floats(0.001, 1e6), st.floats(0, 1, exclude_max=True), st.sampled_from([200, 399, 400, 404]))
def test_a_head_outlives_every_entry_under_it(seconds: float, draw: float, status: int) -> None:
    """Whatever the times, an entry ends within 10 % of its time, and before its head unless that is used again."""
    settings = CacheSettings(url="", ttl={"strategy": seconds})
    life = settings.entry_ttl_ms("strategy:1", status, lambda: draw)
    expected = 1000 * (min(seconds, settings.error_ttl) if status in (400, 404) else seconds)
    assert max(1, round(0.9 * expected)) <= life <= max(1, round(1.1 * expected))
    assert life < settings.head_ttl_ms()


def test_each_type_has_its_time_and_the_others_the_default() -> None:
    """CACHE_TTL_BACKTEST is for backtests."""
    settings = CacheSettings(url="", ttl={"backtest": 600}, default_ttl=60)
    assert settings.entry_ttl_ms("backtest:1", 200, lambda: 0.5) == 600_000
    assert settings.entry_ttl_ms("backtests:1", 200, lambda: 0.5) == 60_000
    assert settings.entry_ttl_ms("backtest:1", 404, lambda: 0.5) == 30_000


@pytest.mark.parametrize("wrong", [{"ttl": {"strategy": 0}}, {"default_ttl": -1}, {"deadline": float("nan")}])
def test_a_time_that_is_not_positive_stops_the_start(wrong: dict[str, float]) -> None:
    """The error names the setting and what is allowed."""
    with pytest.raises(ValueError, match=r"(strategy|default_ttl|deadline) is .* above 0"):
        CacheSettings(url="", **wrong)  # type: ignore[arg-type]  # one of several fields


def test_a_password_is_not_shown() -> None:
    """Settings may be logged."""
    assert "s3cret" not in repr(CacheSettings(url="redis://:s3cret@cache/0"))


def test_the_environments_times_are_for_its_types() -> None:
    """Each variable for an entity and its collections."""
    settings = CacheSettings.of(Environment())
    lives = {kind: settings.entry_ttl_ms(f"{kind}:1", 200, lambda: 0.5) for kind in KINDS}
    assert lives == {
        **dict.fromkeys(("strategy", "strategies"), 1000),
        **dict.fromkeys(("backtest", "backtests", "sweep", "sweeps"), 2000),
        **dict.fromkeys(("validation", "validations"), 3000),
        **dict.fromkeys(("user", "users", "session"), 4000),
        **dict.fromkeys(("gate", "gates"), 5000),
        **dict.fromkeys(("dataset", "datasets"), 300_000),
    }

"""Where the cache server is and how long its records live."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.cache.keys import APP, object_type

JITTER: Final = 0.1

# Who raises a head must find it at the commit, and who stores under one must be found: an hour is far above any
# transaction (5 s).
SHORTEST_HEAD_TTL: Final = 3600.0

# A lease is of use only while its head lives. A read that is asked for by a request ends within its deadline (5 s).
LEASE_TTL: Final = 30.0


class FromEnvironment(Protocol):
    """What the environment says of the cache server, as the runtime reads it."""

    @property
    def redis_enabled(self) -> bool:
        """Whether there is one."""

    @property
    def cache_ttl_strategy(self) -> float:
        """Seconds for strategies and lists of them."""

    @property
    def cache_ttl_backtest(self) -> float:
        """Seconds for backtests, sweeps and lists of them."""

    @property
    def cache_ttl_validation(self) -> float:
        """Seconds for validations and lists of them."""

    @property
    def cache_ttl_user(self) -> float:
        """Seconds for accounts, their sessions and lists of them."""

    @property
    def cache_ttl_gates(self) -> float:
        """Seconds for gate results and lists of them."""

    def cache_url(self) -> str:
        """Where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """Times in seconds. `ttl` is by object type, with `default_ttl` for the others.

    `error_ttl` is for answers of status 400 and above (such as 404), which cost little to ask for again.
    `deadline` bounds each answer of the server, and connecting to it; `raise_deadline` what a writer waits in all.
    Raises ValueError when a time is not positive.
    """

    url: str = field(repr=False)  # may hold a password
    enabled: bool = True
    ttl: Mapping[str, float] = field(default_factory=dict)
    default_ttl: float = 300.0
    error_ttl: float = 30.0
    deadline: float = 0.25
    raise_deadline: float = 0.25

    def __post_init__(self) -> None:
        names = ("default_ttl", "error_ttl", "deadline", "raise_deadline")
        times = {**self.ttl, **{name: getattr(self, name) for name in names}}
        for name, seconds in times.items():
            if not seconds > 0:
                raise ValueError(f"cache setting {name} is {seconds}: give a time in seconds above 0")

    @classmethod
    def of(cls, environment: FromEnvironment) -> "CacheSettings":
        """Return the settings that every process which uses the cache has in common."""
        ttl = {
            **dict.fromkeys(("strategy", "strategies"), environment.cache_ttl_strategy),
            **dict.fromkeys(("backtest", "backtests", "sweep", "sweeps"), environment.cache_ttl_backtest),
            **dict.fromkeys(("validation", "validations"), environment.cache_ttl_validation),
            **dict.fromkeys(("user", "users", "session", "sessions"), environment.cache_ttl_user),
            **dict.fromkeys(("gate", "gates"), environment.cache_ttl_gates),
        }
        return cls(url=environment.cache_url(), enabled=environment.redis_enabled, ttl=ttl)

    def entry_ttl_ms(self, obj: str, status: int, random: Callable[[], float]) -> int:
        """Return the life of a new entry in ms, 10 % either way so that entries stored together do not end together.

        `random` gives a number in [0, 1).
        """
        return max(1, round(self.entry_ttl(obj, status) * 1000 * (1 - JITTER + 2 * JITTER * random())))

    def entry_ttl(self, obj: str, status: int) -> float:
        """Return the life of a new entry in seconds, before it is varied."""
        seconds = self.ttl.get(object_type(obj), self.default_ttl)
        return min(seconds, self.error_ttl) if status >= 400 else seconds

    def lease_ttl_ms(self, obj: str) -> int:
        """Return for how long in ms a lookup that finds nothing keeps the head, in which its lease is.

        What other code keeps may take as long to make as it likes, and nobody else can name it.
        """
        return self.head_ttl_ms() if object_type(obj) == APP else round(1000 * LEASE_TTL)

    def head_ttl_ms(self) -> int:
        """Return the life of a head in ms, counted from when it was last raised or stored under: beyond any entry's."""
        longest = max([self.default_ttl, *self.ttl.values()])
        return round(1000 * max(SHORTEST_HEAD_TTL, 2 * longest))

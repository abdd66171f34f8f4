"""The first level: what it keeps, what it serves, and that no interleaving makes it older than was promised."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.cache.local import OVERHEAD, WAY, WAYS, Flight, Held, LocalCache
from shared.cache.record import Entry
from shared.cache.tests.workers import FAR, NoEpoch, NoFloor, NoPing, NoToken, walk

CAPACITY = 8 * OVERHEAD
SIZES = st.sampled_from([10, 900, 2 * OVERHEAD])
OBJECTS = ["strategy:1", "strategy:2", "strategies:1", "user:1"]


def entry(version: int, size: int = 10) -> Entry:
    """An entry whose body is of this size."""
    return Entry(version, f'"{version}"', "owner", b"x" * size)


def listening(capacity: int = CAPACITY) -> LocalCache:
    """A cache whose feed is heard."""
    cache = LocalCache(capacity, strict=["user"])
    cache.opened()
    cache.fresh_until = FAR
    return cache


def put(cache: LocalCache, obj: str, version: int, *, variant: str = "doc", size: int = 10) -> Held | None:
    """Have one read keep an entry."""
    flight = cache.begin(obj)
    try:
        return cache.keep(flight, variant, entry(version, size), FAR, FAR)
    finally:
        cache.end(flight)


class Naive(RuleBasedStateMachine):
    """Does the same with lists that are searched, and compares."""

    flights = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        self.cache = LocalCache(CAPACITY, strict=["user"])
        self.now = 0.0
        self.fresh_until = 0.0
        self.listening = False
        self.held: list[tuple[tuple[str, str], Entry, float, int]] = []  # the least recently used first
        self.since: dict[Flight, list[tuple[str, int]]] = {}  # what was heard since a flight began; "lost" is of all

        self.turn_to(heard=True)
        self.prove(5)

    def hear(self, obj: str, version: int) -> None:
        """Note it with every flight."""
        for heard in self.since.values():
            heard.append((obj, version))

    @rule(way=st.sampled_from(["stays", "stays", "stays", "is found", "is lost"]))
    def turn(self, way: str) -> None:
        """The feed is found, or lost, which is rare enough for something to be held at the time."""
        if way != "stays":
            self.turn_to(heard=way == "is found")

    def turn_to(self, *, heard: bool) -> None:
        """Both turn."""
        (self.cache.opened if heard else self.cache.lost)()
        self.listening, self.held, self.fresh_until = heard, [], 0.0
        self.hear("lost", 0)

    @rule(lease=st.integers(0, 5))
    def prove(self, lease: int) -> None:
        """A PONG."""
        self.fresh_until = self.cache.fresh_until = self.now + lease

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds

    @rule(target=flights, obj=st.sampled_from(OBJECTS))
    def begin(self, obj: str) -> Flight:
        """A read begins."""
        flight = self.cache.begin(obj)
        self.since[flight] = []
        return flight

    @rule(obj=st.sampled_from(OBJECTS), variant=st.sampled_from("ab"), version=st.integers(1, 5), size=SIZES)
    def read(self, obj: str, variant: str, version: int, size: int) -> None:
        """A read that nothing comes between."""
        self.keep(self.begin(obj), variant, version, 4, size, ends=True)

    @rule(
        flight=flights,
        variant=st.sampled_from("ab"),
        version=st.integers(1, 5),
        life=st.integers(1, 6),
        size=SIZES,
        ends=st.booleans(),
    )
    def keep(self, flight: Flight, variant: str, version: int, life: int, size: int, *, ends: bool) -> None:
        """An answer comes; a flight may bring several."""
        if flight not in self.since:
            return
        key, new = (flight.obj, variant), entry(version, size)
        kept = self.cache.keep(flight, variant, new, self.now + life, FAR)
        heard = self.since[flight]
        total = OVERHEAD + len(flight.obj) + 1 + size
        wanted = (
            self.listening
            and ("lost", 0) not in heard
            and not flight.obj.startswith("user:")
            and all(version >= floor for obj, floor in heard if obj == flight.obj)
            and all(there.version <= version for other, there, _, _ in self.held if other == key)
            and total <= CAPACITY // 4
        )
        assert (kept is not None) == wanted
        if wanted:
            self.held = [row for row in self.held if row[0] != key] + [(key, new, self.now + life, total)]
            while sum(row[3] for row in self.held) > CAPACITY:
                self.held.pop(0)
        if ends:
            self.cache.end(flight)
            del self.since[flight]

    @rule(obj=st.sampled_from(OBJECTS), version=st.integers(1, 6))
    def announce(self, obj: str, version: int) -> None:
        """A message of the feed."""
        self.cache.raised(obj, version)
        self.held = [row for row in self.held if row[0][0] != obj or row[1].version >= version]
        self.hear(obj, version)

    @rule(obj=st.sampled_from(OBJECTS), variant=st.sampled_from("ab"), least=st.integers(0, 5))
    def get(self, obj: str, variant: str, least: int) -> None:
        """A read."""
        found = self.cache.get((obj, variant), least, self.now)
        row = next((row for row in self.held if row[0] == (obj, variant)), None)
        fits = row is not None and self.now < self.fresh_until and row[1].version >= least
        if fits and row is not None and self.now >= row[2]:
            self.held.remove(row)
            fits = False
        assert (found and found.entry) == (row[1] if fits and row is not None else None)
        if fits and row is not None:
            self.held.remove(row)
            self.held.append(row)

    @invariant()
    def has_the_same(self) -> None:
        """Nothing more is held, and it is counted right."""
        assert len(self.cache) == len(self.held)
        assert self.cache.size == sum(row[3] for row in self.held) <= CAPACITY
        assert {flight.obj for flight in self.since} == set(self.cache._flights)
        assert {key[0] for key, *_ in self.held} == set(self.cache._variants)


def test_it_does_what_a_naive_one_does() -> None:
    """Bounded by bytes, least recently used first; nothing overtaken, expired, strict or of another epoch is served."""
    run_state_machine_as_test(Naive, settings=settings(max_examples=150, stateful_step_count=50, deadline=None))


@pytest.mark.parametrize("writes", [False, True])
def test_no_history_breaks_a_promise(writes: bool) -> None:
    """A hit is at least as new as the last PONG, as the client's token and as what the client has seen before."""
    assert walk(LocalCache, 4000, writes=writes) is None


@pytest.mark.parametrize(
    ("cache", "options", "broken"),
    [
        (NoFloor, {}, {"BOUND", "EC"}),
        (NoPing, {"notices": False}, {"EC"}),
        (NoEpoch, {}, {"BOUND", "EC"}),
        (LocalCache, {"asks_l2": False}, {"BOUND", "EC"}),
        (NoToken, {"writes": True}, {"RYW", "MONO"}),
    ],
)
def test_each_safeguard_is_needed(
    cache: Callable[[int], LocalCache], options: dict[str, bool], broken: set[str]
) -> None:
    """The walk is strong enough: each safeguard taken away breaks what the model says it breaks."""
    assert walk(cache, 4000, **options) in broken


def test_the_least_recently_used_goes_first() -> None:
    """What was read last stays when room is needed, whenever it came."""
    cache = listening(10 * OVERHEAD)
    for number in range(9):
        assert put(cache, f"strategy:{number}", 1)
    assert cache.get(("strategy:0", "doc"), 0, 0.0)
    assert put(cache, "strategy:9", 1, size=OVERHEAD)
    assert cache.peek(("strategy:0", "doc")) is not None
    assert cache.peek(("strategy:1", "doc")) is None


def test_coded_bytes_count() -> None:
    """The bytes of an entry in other codings take room as its own do, also when it is dropped."""
    cache = listening()
    held = put(cache, "strategy:1", 1)
    assert held is not None
    before = cache.size
    cache.coded(held, "gzip", b"y" * 100)
    assert cache.size == before + 100
    cache.raised("strategy:1", 2)
    assert (cache.size, len(cache)) == (0, 0)
    cache.coded(held, "br", b"z")
    assert cache.size == 0


def test_each_way_of_asking_counts() -> None:
    """What is kept ready for it takes room; of an entry there are some ways, and then the first are forgotten."""
    cache = listening(40 * OVERHEAD)
    held = put(cache, "strategy:1", 1)
    assert held is not None
    before, most = cache.size, 0
    for way in range(3 * WAYS):
        cache.prepared(held, way, "headers")
        assert held.ready[way] == "headers"
        assert cache.size == held.size == before + WAY * len(held.ready)
        most = max(most, len(held.ready))
    assert most == WAYS
    cache.raised("strategy:1", 2)
    cache.prepared(held, "late", "headers")
    assert cache.size == 0


def test_what_is_kept_ready_makes_others_go() -> None:
    """The room of all together is what was given, whatever it is used for."""
    cache = listening()
    for number in range(7):
        held = put(cache, f"strategy:{number}", 1)
        assert held is not None
        cache.prepared(held, "way", "headers")
        assert cache.size <= CAPACITY
    assert 0 < len(cache) < 5


def test_it_counts_what_it_does() -> None:
    """Hits, misses and evictions are told by type."""
    cache = listening()
    for number in range(30):
        assert put(cache, f"strategy:{number}", 1, size=500)
    assert cache.get(("strategy:29", "doc"), 0, 0.0)
    assert cache.get(("strategy:0", "doc"), 0, 0.0) is None
    counts = cache.counts["strategy"]
    assert (counts.hits, counts.misses, counts.evictions) == (1, 1, 30 - len(cache))


def test_a_capacity_of_nothing_keeps_nothing() -> None:
    """CACHE_L1_BYTES=0 turns it off."""
    cache = listening(0)
    assert put(cache, "strategy:1", 1) is None
    assert cache.get(("strategy:1", "doc"), 0, 0.0) is None


def test_what_is_shown_is_the_lowest_that_would_be_served() -> None:
    """Of all variants, those that have ended or must not be served left out; nothing is counted, or kept longer."""
    cache = listening()
    for variant, version, expires in (("a", 3, 9.0), ("b", 5, FAR), ("c", 4, FAR)):
        flight = cache.begin("strategy:1")
        cache.keep(flight, variant, entry(version), expires, expires)
        cache.end(flight)
    put(cache, "strategy:2", 1)
    assert [cache.shown("strategy:1", now) for now in (8.0, 9.0)] == [3, 4]
    assert cache.shown("strategies:1", 8.0) is None
    assert cache.counts["strategy"].hits == 0
    cache.raised("strategy:1", 5)
    assert cache.shown("strategy:1", 9.0) == 5
    cache.fresh_until = 9.0
    assert cache.shown("strategy:1", 9.0) is None
    cache.lost()
    assert cache.shown("strategy:1", 0.0) is None


def test_to_be_shown_keeps_nothing_from_being_dropped() -> None:
    """The one that was read longest ago goes first, however often it is checked."""
    cache = listening(8 * OVERHEAD)
    put(cache, "strategy:1", 1)
    while cache.shown("strategy:1", 0.0) == 1:
        put(cache, "strategy:2", 1, variant=str(len(cache)))
    assert len(cache) >= 6

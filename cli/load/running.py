"""Runs scenarios and the ramp."""

from collections.abc import Sequence
from dataclasses import dataclass

from cli.load.accounts import Account, freshen
from cli.load.offering import Load, at_constant_rate
from cli.load.processes import NotHere, ServerUse, Watch
from cli.load.progress import Progress
from cli.load.results import Ramp, Result, Step, bars_of, generator_of, kinds_of, latency_of
from cli.load.scenarios import Requests, Scenario, requests_of
from cli.load.stepping import Climb
from cli.load.tally import Tally
from cli.load.targets import ASKED, CPU_SHARE, KNEE_OURS, KNEE_REQUIRED, Figures, Grade, grade, missed

RAMP_CONNECTIONS = 256
"""What is on its way at 1,000 requests a second that take a quarter of a second each."""

RAMP_WARM_UP = 1.0
"""Seconds for which a rate is offered before it is judged: what the one before left to do is done by then."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to load. `address` is that of `host`, the header's value; `rate` None: the scenario's own."""

    address: tuple[str, int]
    host: str
    seconds: float
    warm_up: float
    rate: float | None
    connections: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Offered:
    """What came of one rate: `seconds` from the first that was due to the last that ended, or as long as asked."""

    tally: Tally
    seconds: float
    processor_share: float
    server: ServerUse | None
    server_unknown: str


class Runner:
    """Loads one platform as these accounts."""

    def __init__(self, settings: Settings, accounts: Sequence[Account], progress: Progress) -> None:
        self._settings = settings
        self._accounts = accounts
        self._progress = progress
        self.last_use: ServerUse | None = None

    def run(self, scenario: Scenario) -> Result:
        """Warm up, and measure. Raises CannotLoad."""
        freshen(self._accounts)
        rate = self._settings.rate or scenario.rate
        requests = requests_of(scenario.name, self._accounts, self._settings.host)
        with self._load(self._settings.connections) as load:
            if self._settings.warm_up:
                self._offer(load, requests, rate, self._settings.warm_up, f"{scenario.name}, warming up")
            offered = self._offer(load, requests, rate, self._settings.seconds, scenario.name)
        return result_of(scenario, rate, offered, len(self._accounts), self._settings.connections)

    def ramp(self, climb: Climb) -> Ramp:
        """Offer more and more of the mixed load until it is not held, and close in on the highest that is."""
        steps: list[Step] = []
        requests = requests_of("mixed", self._accounts, self._settings.host)
        with self._load(RAMP_CONNECTIONS) as load:
            while (rate := climb.next_rate()) is not None:
                freshen(self._accounts)
                self._offer(load, requests, rate, RAMP_WARM_UP, f"ramp, {rate:.0f}/s, warming up")
                offered = self._offer(load, requests, rate, climb.seconds, f"ramp, {rate:.0f}/s")
                steps.append(climb.judge(rate, offered.tally, offered.seconds, offered.processor_share, offered.server))
        return Ramp(
            knee=climb.knee,
            ended_by=climb.ended_by,
            steps=steps,
            required=KNEE_REQUIRED,
            ours=KNEE_OURS,
            grade=_ramp_grade(climb),
        )

    def _load(self, connections: int) -> Load:
        return Load(self._settings.address, connections, self._settings.timeout)

    def _offer(self, load: Load, requests: Requests, rate: float, seconds: float, what: str) -> Offered:
        tally = Tally()
        watch, unknown = self._watch()
        shown = self._progress.of(what, seconds, rate, tally)
        taken = load.offer(requests, at_constant_rate(rate, seconds), tally, shown)
        share = load.processor_seconds / max(taken, 1e-9)
        use = None
        if watch is not None:
            try:
                use = self.last_use = watch.use()
            except NotHere as error:
                unknown = str(error)
        self._progress.done()
        return Offered(tally, max(taken, seconds), share, use, unknown)

    def _watch(self) -> tuple[Watch | None, str]:
        try:
            return Watch(self._settings.address), ""
        except NotHere as error:
            return None, str(error)


def result_of(scenario: Scenario, rate: float, offered: Offered, users: int, connections: int) -> Result:
    """Return what came of a scenario, and grade it."""
    whole = offered.tally.whole()
    latency = latency_of(whole.latencies)
    generator = generator_of(offered.tally, whole.latencies, offered.processor_share)
    figures = Figures(
        p95_ms=latency.p95_ms if latency else None,
        success_rate=whole.right / whole.total if whole.total else 0.0,
    )
    asked = ASKED[scenario.name]
    missing = missed(figures, asked.required) + _too_busy(scenario, rate, offered.server)
    found: Grade = "NEEDS IMPROVEMENT" if missing else grade(figures, asked)
    # What the load is late by makes latencies worse, never better: a target that is met is met, and wrong answers are
    # the platform's.
    if missing and generator.bottleneck and figures.success_rate >= asked.required.success_rate:
        found = "NOT MEASURED"
    return Result(
        scenario=scenario.name,
        title=scenario.title,
        rate=rate,
        seconds=round(offered.seconds, 3),
        users=users,
        connections=connections,
        total=whole.total,
        successful=whole.right,
        failed=whole.wrong,
        success_rate=figures.success_rate,
        requests_per_second=round(whole.right / offered.seconds, 2),
        latency=latency,
        histogram=bars_of(whole.latencies),
        kinds=kinds_of(offered.tally),
        failures=dict(offered.tally.failures.most_common()),
        lost_connections=offered.tally.lost_connections,
        generator=generator,
        server=offered.server,
        server_unknown=offered.server_unknown,
        required=asked.required,
        ours=asked.ours,
        missed=missing,
        missed_ours=missed(figures, asked.ours),
        grade=found,
    )


def _too_busy(scenario: Scenario, rate: float, server: ServerUse | None) -> list[str]:
    """Judge the processor time of the mixed load at its own rate."""
    if scenario.name != "mixed" or rate > scenario.rate or server is None or server.cpu_percent <= 100 * CPU_SHARE:
        return []
    return [f"{server.cpu_percent:.0f} % of the machine used, above {CPU_SHARE:.0%}"]


def _ramp_grade(climb: Climb) -> Grade:
    if climb.knee >= KNEE_OURS:
        return "EXCELLENT"
    if climb.knee >= KNEE_REQUIRED:
        return "GOOD"
    return "NOT MEASURED" if climb.load_was_slow else "NEEDS IMPROVEMENT"

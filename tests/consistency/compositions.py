"""What runs in place of the services: themselves with other settings, or mutants, and how each mutant shows itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.consistency.breaking import FEEDS_FORGOTTEN, NOTHING_BROKEN, SLOW_COMMITS
from tests.consistency.checker import STALE
from tests.consistency.checker.owners import FOREIGN
from tests.faults.checker.violation import Violation
from tests.faults.schedule import Fault

COMPOSED = frozenset({"gateway", "strategy", "backtest", "invalidator"})


@dataclass(frozen=True)
class Composition:
    """Settings by service, and by service the mutants that run in its place, several of them as one."""

    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mutants: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def arguments(self, service: str) -> tuple[str, ...]:
        """For the interpreter; none for the service itself."""
        names = self.mutants.get(service, ())
        return ("-m", "tests.consistency.mutants", "+".join(names), service) if names else ()

    def program(self, service: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """What of a service is another's than its own: arguments, and settings."""
        return self.arguments(service), dict(self.settings.get(service, {}))


Sign = Callable[[Violation], bool]


@dataclass(frozen=True)
class Mutants:
    """Those that are found out together, at one fault: by name the sign of each, which none of the others gives."""

    composition: Composition
    signs: Mapping[str, Sign]
    fails_at: Fault = NOTHING_BROKEN

    @property
    def name(self) -> str:
        """Of the part of a run."""
        return "+".join(self.signs)

    def programs(self) -> list[tuple[str, str]]:
        """Each with each service that it runs in place of."""
        return [(name, service) for service, names in self.composition.mutants.items() for name in names]


def is_stale(found: Violation) -> bool:
    """Something old was shown."""
    return found.rule in STALE


def is_foreign(found: Violation) -> bool:
    """Something was shown that is another's."""
    return found.rule == FOREIGN


def is_missing(found: Violation) -> bool:
    """A list of strategies does not have what was made."""
    return _is_shown_old(found, "/strategies?") and found.subject not in _shown_in(found)


def is_left(found: Violation) -> bool:
    """A strategy is still shown by itself though it was deleted."""
    return _is_shown_old(found, "/strategies/") and found.subject in _shown_in(found)


def is_listed_still(found: Violation) -> bool:
    """A list of runs has what was deleted."""
    return _is_shown_old(found, "/backtests?") and found.subject in _shown_in(found)


def is_dataset_left(found: Violation) -> bool:
    """A dataset or its bars are still shown though it was deleted."""
    return _is_shown_old(found, "/datasets/") and found.subject in _shown_in(found)


def is_of_an_account(found: Violation) -> bool:
    """An account is shown as it was."""
    return _is_shown_old(found, "/users")


def _is_shown_old(found: Violation, path: str) -> bool:
    return is_stale(found) and str(found.evidence[0]["path"]).startswith(path)


def _shown_in(found: Violation) -> Mapping[str, object]:
    shown: Mapping[str, object] = found.evidence[0]["found"]
    return shown


_STRICT = {service: {"CACHE_POLICY": "strict"} for service in ("strategy", "backtest")}
_SHARED_ONLY = {**_STRICT, "gateway": {"CACHE_L1_BYTES": "0"}}


def _one(name: str, settings: Mapping[str, Mapping[str, str]], fails_at: Fault, *services: str) -> Mutants:
    return Mutants(Composition(settings, dict.fromkeys(services, (name,))), {name: is_stale}, fails_at)


STRICTLY = Composition(_STRICT)
AVAILABLY = Composition()
MUTANTS = (
    _one("delete-on-write", _SHARED_ONLY, SLOW_COMMITS, "gateway", "strategy", "invalidator"),
    _one("floors-only", _SHARED_ONLY, SLOW_COMMITS, "gateway", "strategy"),
    _one("no-barrier", _SHARED_ONLY, SLOW_COMMITS, "strategy"),
    _one("no-lease", _STRICT, FEEDS_FORGOTTEN, "gateway"),
    Mutants(
        Composition(_STRICT, {"gateway": ("deaf", "everybodys")}),
        {"deaf": is_stale, "everybodys": is_foreign},
    ),
    Mutants(
        Composition(
            _STRICT,
            {
                "strategy": ("list-forgotten", "deletion-forgotten", "role-forgotten"),
                "backtest": ("runs-forgotten", "datasets-forgotten"),
            },
        ),
        {
            "list-forgotten": is_missing,
            "deletion-forgotten": is_left,
            "role-forgotten": is_of_an_account,
            "runs-forgotten": is_listed_still,
            "datasets-forgotten": is_dataset_left,
        },
    ),
)
NAMES = tuple(name for mutants in MUTANTS for name in mutants.signs)

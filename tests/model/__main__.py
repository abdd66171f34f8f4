"""`python -m tests.model [NAME ...]`: search, print what was found; without a name, list them.

    python -m tests.model delete-on-write
    python -m tests.model ours --reads 2,1 --faults wipe=1,evict=1 --at-most 2

`short` names all that `make test` runs. The exit status is 0 when each search found what it had to, and only that.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from tests.model.bounds import FAULTS
from tests.model.l2 import SharedCache
from tests.model.runs import ALL, Run
from tests.model.search import MOST_STATES, Outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    given = _parser().parse_args(arguments)
    if not given.names:
        _say("\n".join(f"{name:<24}{_about(run)}" for name, run in ALL.items()))
        return 0
    names = [name for name, run in ALL.items() if not run.is_long] if given.names == ["short"] else given.names
    results = [_search(name, _bounded(ALL[name], given), given.most) for name in names]
    return 0 if all(results) else 1


def report(name: str, run: Run, outcome: Outcome) -> str:
    """Return what is printed of a search: its size, and the shortest way to each promise that was broken."""
    end = "exhausted" if outcome.is_exhausted else "stopped"
    found = ", ".join(sorted(outcome.broken)) or "nothing"
    lines = [f"{name}: {run.says}; {outcome.states:,} states, {end}; broken: {found}"]
    for promise, trace in sorted(outcome.traces.items()):
        lines += ["", f"{promise} is broken:"]
        lines += [f"{number:>3}. {sentence}" for number, sentence in enumerate(trace, 1)]
    return "\n".join(lines)


def _search(name: str, run: Run, most: int) -> bool:
    began = time.monotonic()
    outcome = run(most=most)
    is_right = run.is_as_expected(outcome)
    verdict = "as expected" if is_right else "NOT AS EXPECTED"
    _say(f"{report(name, run, outcome)}\n{verdict}, {time.monotonic() - began:.0f} s\n")
    return is_right


def _bounded(run: Run, given: argparse.Namespace) -> Run:
    model = run.model
    differences: dict[str, Any] = {name: value for name, value in vars(given).items() if value is not None}
    if isinstance(model, SharedCache):
        known = {field.name for field in fields(model.bounds)}
        bounds = replace(model.bounds, **{name: value for name, value in differences.items() if name in known})
        return replace(run, model=replace(model, bounds=bounds))
    known = {field.name for field in fields(model)} - {"reads"}
    kept = {name: value for name, value in differences.items() if name in known}
    if given.reads:
        kept["reads"] = sum(given.reads)
    return replace(run, model=replace(model, **kept))


def _about(run: Run) -> str:
    expected = f"  breaks {', '.join(run.breaks)}" if run.breaks else ""
    return f"{run.says}{expected}{'  (long)' if run.is_long else ''}"


def _reads(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


def _faults(text: str) -> dict[str, int]:
    pairs = (each.partition("=") for each in text.split(",") if each)
    faults = {name: int(count or 1) for name, _, count in pairs}
    if not faults.keys() <= FAULTS.keys():
        raise argparse.ArgumentTypeError(f"the faults are {', '.join(FAULTS)}")
    return faults


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*ALL, "short", []], metavar="NAME")
    parser.add_argument("--reads", type=_reads, help="by client, such as 2,1")
    parser.add_argument("--faults", type=_faults, help=f"such as wipe=1,evict=2; of {', '.join(FAULTS)}")
    parser.add_argument("--at-most", type=int, help="faults in all")
    parser.add_argument("--writers", type=int, choices=(1, 2))
    parser.add_argument("--objects", type=int, choices=(1, 2))
    parser.add_argument("--policy", choices=("strict", "available"))
    parser.add_argument("--lookup", choices=("script", "pipeline"))
    parser.add_argument("--most", type=int, default=MOST_STATES, help="states")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

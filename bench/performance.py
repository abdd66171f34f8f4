"""`python -m bench.performance`: measure everything, and write docs/performance.md with what was found.

    --only cache,indexes     parts, by the names of their modules

Each part is a program of its own, `python -m bench.<part>`, one after the other; what it prints becomes its section,
and nobody else writes figures into that document. It ends with 1 when a part found less than is asked for, or failed;
the section of one that failed stays as it was.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.ending import printed_by, undone_when_ended
from bench.serving.machine import describe, load_average

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"


@dataclass(frozen=True, slots=True)
class Part:
    """A program, and the arguments of each time it runs.

    With `markdown` it prints a section, which says on which machine. Otherwise it prints lines that stand as they are,
    below the machine with the versions of `packages`, and how busy that was.
    """

    name: str
    runs: Sequence[Sequence[str]] = ((),)
    markdown: bool = False
    packages: Sequence[str] = ()


PARTS = (
    Part("cache", markdown=True),
    Part("indexes", markdown=True),
    Part("compression", markdown=True),
    Part("engine", packages=("numba", "numpy", "vectorbt", "backtesting")),
    Part("sweep_http", runs=((), ("--workers", "2")), packages=("numba", "granian", "asyncpg")),
    Part("bus", packages=("redis", "faststream", "uvloop")),
    Part("jobs", packages=("asyncpg", "uvloop")),
    Part("shedding", packages=("granian", "redis", "uvloop")),
    Part("load", packages=("granian", "uvloop")),
    Part("under_load", markdown=True),
    Part("measuring", markdown=True),
    Part("scrapes", markdown=True),
    Part("prometheus", markdown=True),
    Part("largest", markdown=True),
)


def placed(document: str, part: str, text: str) -> str:
    """Return the document with the text between the markers of a part. Raises ValueError when it has none."""
    begin, end = f"<!-- python -m bench.{part}: begin -->", f"<!-- python -m bench.{part}: end -->"
    before, found, rest = document.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"the document has no {begin} with {end} behind it")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def section(part: Part, printed: Sequence[str], machine: str) -> str:
    """Return what a part has printed, run by run, as it stands in the document."""
    texts = [text.strip("\n").rstrip() for text in printed]
    return "\n\n".join(texts if part.markdown else [machine, *(f"```text\n{text}\n```" for text in texts)])


def measured(part: Part) -> tuple[list[str], bool]:
    """Run a part; return what each run printed, and whether all ended well. What goes wrong is told on stderr."""
    printed, well = [], True
    for arguments in part.runs:
        text, status = printed_by(f"bench.{part.name}", *arguments)
        printed.append(text)
        well = well and status == 0
    return printed, well


def main(given: Sequence[str]) -> str | None:
    """Measure and write; returns what to end with, None when all is well."""
    parser = ArgumentParser(prog="python -m bench.performance")
    parser.add_argument("--only", default=",".join(part.name for part in PARTS))
    names = parser.parse_args(given).only.split(",")
    unknown = set(names) - {part.name for part in PARTS}
    if unknown:
        return f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(part.name for part in PARTS)}"
    bad = []
    for part in PARTS:
        if part.name not in names:
            continue
        print(f"bench.{part.name} ...", file=sys.stderr, flush=True)
        before = load_average()
        printed, well = measured(part)
        machine = f"On {describe(*part.packages)}. Load average {before} before, {load_average()} at the end."
        if all(text.strip() for text in printed):
            text = section(part, printed, machine)
            DOCUMENT.write_text(placed(DOCUMENT.read_text(encoding="utf-8"), part.name, text), encoding="utf-8")
            print(f"{text}\n", flush=True)
        if not well:
            bad.append(part.name)
    return f"less was found than is asked for, or nothing: {', '.join(bad)}" if bad else None


if __name__ == "__main__":
    with undone_when_ended():
        sys.exit(main(sys.argv[1:]))

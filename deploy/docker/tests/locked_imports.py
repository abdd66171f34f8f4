"""`python locked_imports.py LOCK PACKAGE...`: import all modules of packages, with what the lock names and no more.

Prints the distributions that were imported, one a line. Ends with ModuleNotFoundError at the first that the lock lacks.
"""

import importlib
import pkgutil
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType


def normal(name: str) -> str:
    """A distribution's name as locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class OnlyLocked:
    """An import finder that finds nothing, and refuses what is installed but not in the lock."""

    def __init__(self, locked: set[str], owners: Mapping[str, Sequence[str]]) -> None:
        self._locked = locked
        self._owners = owners

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Leave the finding to those behind."""
        owners = self._owners.get(name.partition(".")[0], ())
        if owners and not self._locked.intersection(map(normal, owners)):
            raise ModuleNotFoundError(f"{name} belongs to {', '.join(owners)}, which the lock does not name", name=name)
        return None


def modules(package: str) -> list[str]:
    """The package and all modules in it, but for tests and processes' entry points."""
    module = importlib.import_module(package)
    inside = pkgutil.walk_packages(module.__path__, f"{package}.", onerror=_fail)
    return [package, *(each.name for each in inside if not re.search(r"\.tests\b|\.__main__$", each.name))]


def _fail(name: str) -> None:
    raise ImportError(f"{name} cannot be imported")


def main(lock: str, packages: Sequence[str]) -> None:
    """Import, then say what was used."""
    owners = packages_distributions()
    locked = set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", Path(lock).read_text(), flags=re.MULTILINE))
    sys.meta_path.insert(0, OnlyLocked(locked, owners))
    for package in packages:
        for name in modules(package):
            importlib.import_module(name)
    tops = {name.partition(".")[0] for name in list(sys.modules)}
    used = sorted({normal(owner) for top in tops for owner in owners.get(top, ())})
    sys.stdout.write("".join(f"{name}\n" for name in used))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

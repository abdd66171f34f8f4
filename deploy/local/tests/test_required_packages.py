"""The packages without which nothing starts."""

import tomllib
from importlib.metadata import files, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.local.required_packages import IMPORT_NAMES, missing_package

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def named_by_run() -> set[str]:
    """The distributions that the extra `run`, and what it includes, names in pyproject.toml."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    found: set[str] = set()
    waiting = [*project["dependencies"], "aurelius[run]"]
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.name == "aurelius":
            waiting += [each for extra in requirement.extras for each in project["optional-dependencies"][extra]]
        else:
            found |= {canonicalize_name(requirement.name), *requirement.extras.intersection({"hiredis"})}
    return found


def those_with(name: str) -> set[str]:
    """The distributions that have a package, of those that share its outermost name."""
    outermost, folder = name.partition(".")[0], f"{name.replace('.', '/')}/"
    return {
        canonicalize_name(each)
        for each in packages_distributions()[outermost]
        if name == outermost or any(str(file).startswith(folder) for file in files(each) or ())
    }


def test_each_dependency_is_looked_for() -> None:
    """Whatever pyproject.toml names is in the list, under a name by which it is imported, and nothing else is."""
    assert set[str]().union(*map(those_with, IMPORT_NAMES)) == named_by_run()


def test_complete_environment_lacks_nothing() -> None:
    """The one the tests run in."""
    assert missing_package() is None
    assert missing_package(["sys", "no_such_package", "another"]) == "no_such_package"
    assert missing_package(["sys", "no_such_package.part", "another"]) == "no_such_package.part"

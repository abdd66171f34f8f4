"""Finds files inside installed packages without importing those packages."""

from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import StartError


def package_folder(package: str, distribution: str) -> Path:
    """Where an installed top-level package lies. Raises StartError naming its distribution when it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(f"the package {distribution} is not installed here. Start with `make run`, which installs it.")
    return Path(spec.submodule_search_locations[0])

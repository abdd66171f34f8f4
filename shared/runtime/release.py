"""Which version of the platform this is."""

import tomllib
from importlib.metadata import version
from pathlib import Path

_MANIFEST = Path(__file__).parents[2] / "pyproject.toml"


def release() -> str:
    """Return the version of the tree this runs from, or of the installed distribution where there is no tree."""
    if not _MANIFEST.is_file():
        return version("aurelius")
    return str(tomllib.loads(_MANIFEST.read_text())["project"]["version"])

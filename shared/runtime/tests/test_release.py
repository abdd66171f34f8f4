"""The version is said in one place."""

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from shared.runtime import release as module
from shared.runtime.release import release


def test_a_tree_says_its_own_version() -> None:
    """Whatever else is installed."""
    manifest = Path(__file__).parents[3] / "pyproject.toml"
    assert release() == tomllib.loads(manifest.read_text())["project"]["version"]


def test_without_a_tree_the_distribution_says_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its installed metadata."""

    def version(name: str) -> str:
        if name != "aurelius":
            raise PackageNotFoundError(name)
        return "9.9.9"

    monkeypatch.setattr(module, "_MANIFEST", tmp_path / "pyproject.toml")
    monkeypatch.setattr(module, "version", version)
    assert release() == "9.9.9"

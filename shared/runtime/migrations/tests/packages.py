"""Packages with migrations, written for a test."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

ITEM = 'op.execute("CREATE TABLE item (n int, secret text)")'
"""A revision with one table."""


def write_package(
    folder: Path, *revisions: str, name: str = "orders", grants: Mapping[str, tuple[str, ...]] | None = None
) -> str:
    """Write a package whose revisions run these Python lines, one after the other; returns its name.

    Written again, it is the next release of the same package.
    """
    versions = folder / name / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text("")
    for number, body in enumerate(revisions, 1):
        down = f"{number - 1:04}" if number > 1 else None
        (versions / f"{number:04}_words.py").write_text(
            f'from alembic import op\nrevision, down_revision = "{number:04}", {down!r}\ndef upgrade():\n    {body}\n'
        )
    if grants is not None:
        (folder / name / "migrations" / "grants.py").write_text(f"GRANTS = {grants!r}\n")
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[module]
    importlib.invalidate_caches()
    return name

"""The servers that the processes use."""

from pathlib import Path

import pytest

from tests.processes.services import Servers


@pytest.fixture
def servers(database_url: str, bus_url: str, cache_url: str, tmp_path: Path) -> Servers:
    """A fresh database, an empty bus, an empty cache and a folder."""
    return Servers(database_url, bus_url, cache_url, tmp_path)

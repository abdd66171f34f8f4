"""Whatever program wrote the bars down, they are the same bars."""

import gzip
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.backtest.core.ingest.digest import sha256_of
from services.backtest.files.bars_file import read_bars_file
from services.backtest.files.tests.dialects import CSV, columns_of, parquet_of, rows_of, some_bars


@pytest.mark.parametrize("dialect", CSV)
@pytest.mark.parametrize("packed", [False, True])
def test_bars_have_one_name_in_every_dialect(tmp_path: Path, dialect: str, packed: bool) -> None:
    """The same content has the same sha256, plain or compressed, from CSV as from Parquet."""
    path = tmp_path / "upload"
    content = CSV[dialect](rows_of(some_bars()))
    path.write_bytes(gzip.compress(content) if packed else content)
    read = sha256_of(read_bars_file(path, ZoneInfo("UTC")).bars)
    path.write_bytes(parquet_of(columns_of(some_bars())))
    assert read == sha256_of(some_bars()) == sha256_of(read_bars_file(path, ZoneInfo("UTC")).bars)

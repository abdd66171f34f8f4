"""Reads an uploaded file of bars, whatever it is."""

from pathlib import Path
from zoneinfo import ZoneInfo

from services.backtest.core.ingest.upload import Upload
from services.backtest.files.csv_bars import read_csv
from services.backtest.files.parquet_bars import MAGIC, read_parquet


def read_bars_file(path: Path, zone: ZoneInfo) -> Upload:
    """Read Parquet, or CSV as it is or compressed with gzip, told apart by the first bytes.

    Raises Invalid and TooLarge; MemoryError when a file needs more memory than there is.
    """
    with path.open("rb") as file:
        is_parquet = file.read(len(MAGIC)) == MAGIC
    return read_parquet(path, zone) if is_parquet else read_csv(path, zone)

"""Datasets and results as files."""

from pathlib import Path

import numpy as np
import pytest

from services.backtest.core.ingest.digest import sha256_of
from services.backtest.core.result import Trades
from services.backtest.files.arrow import write_columns
from services.backtest.files.dataset_file import dataset_key, map_bars, read_bars, write_bars
from services.backtest.files.result_file import curve_key, read_trades, result_key, trades_key, write_trades
from services.backtest.tests.fakes import apple
from shared.contracts.errors import Invalid, Unavailable


def test_bars_are_read_without_a_copy(tmp_path: Path) -> None:
    """What was written, bit for bit, as views of the file that nobody can write through."""
    path = tmp_path / "bars"
    write_bars(path, apple())
    bars = read_bars(path, sha256_of(apple()))
    for name in ("time", "open", "high", "low", "close", "volume"):
        column = getattr(bars, name)
        assert np.array_equal(column, getattr(apple(), name))
        assert not column.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_bars_that_are_not_those_of_their_name_are_refused(tmp_path: Path) -> None:
    """One bit that is another, a file cut short, another file: no result may claim what it did not see."""
    path = tmp_path / "bars"
    write_bars(path, apple())
    name, whole = sha256_of(apple()), path.read_bytes()
    close = whole.index(apple().close.tobytes())
    for damaged in (whole[:close] + bytes([whole[close] ^ 1]) + whole[close + 1 :], whole[:-100], b"", b"close"):
        path.write_bytes(damaged)
        with pytest.raises(Invalid, match="damaged in the object store; upload the same file once more"):
            read_bars(path, name)
    write_columns(path, {"close": apple().close}, frozenset())
    with pytest.raises(Invalid, match="damaged"):
        read_bars(path, name)


def test_bars_that_are_shown_may_be_damaged_too(tmp_path: Path) -> None:
    """Whoever asks for them hears what mends them."""
    path = tmp_path / "bars"
    write_bars(path, apple())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Unavailable, match="upload the same file once more"):
        map_bars(path)


def test_a_damaged_result_is_told(tmp_path: Path) -> None:
    """Nothing is made of half a file."""
    path = tmp_path / "trades"
    path.write_bytes(b"ARROW1")
    with pytest.raises(Unavailable, match="A file in the object store is damaged"):
        read_trades(path)


def test_trades_are_read_a_page_at_a_time(tmp_path: Path) -> None:
    """A page has the trades of its numbers; there may be none at all."""
    for count in (10, 0):
        whole, real = np.arange(count), np.arange(count) / 2
        path = tmp_path / f"trades{count}"
        write_trades(path, Trades(whole, real, whole, real, whole, real, real, real, real, whole, whole, whole))
        assert len(read_trades(path, 0, 100)) == count
        page = read_trades(path, 4, 7)
        assert (page.entry_time.tolist(), page.quantity.tolist()) == (whole[4:7].tolist(), real[4:7].tolist())


def test_keys_tell_contents_and_leases_apart() -> None:
    """Equal bars share a key, two workers at one run never do."""
    assert dataset_key("ab") == "datasets/ab.arrow"
    keys = [make(result_key("run", lease)) for lease in (1, 2) for make in (curve_key, trades_key)]
    assert keys == [f"results/run/{lease}/{name}.arrow" for lease in (1, 2) for name in ("equity", "trades")]

"""Where kernels are kept."""

from pathlib import Path

import pytest

from services.backtest.kernel_cache import kernel_cache


def test_beside_the_source_where_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set, and numba's own choice holds."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert kernel_cache(tmp_path, engine=tmp_path) == {}


def test_in_the_data_folder_where_the_source_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that nobody may write to keeps its kernels with the data."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert kernel_cache(tmp_path, engine=tmp_path / "not-there") == {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}


def test_what_the_operator_chose_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that was built with its kernels says where they are."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/kernels")
    assert kernel_cache(tmp_path, engine=tmp_path / "not-there") == {}

"""Datasets from upload to deletion, through HTTP."""

import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.journey import User, backtested, registered, stored, uploaded

pytestmark = pytest.mark.e2e

ARROW = "application/vnd.apache.arrow.stream"


async def sent(user: User, content: bytes, expected: int = 201, **form: str) -> dict[str, Any]:
    """Upload a file with this content and return the answer."""
    answer = await user.call("POST", "/datasets", expected, files={"file": ("bars", content)}, data=form, timeout=60)
    body: dict[str, Any] = answer.json()
    return body


def parquet_of(table: pa.Table) -> bytes:
    """The table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


async def test_bars_are_the_same_whatever_they_come_as(client: httpx.AsyncClient, aapl: Path) -> None:
    """CSV, gzip, Parquet, newest first, and what was downloaded from here: one sha256, and notes on what was done."""
    user = await registered(client)
    csv = aapl.read_bytes()
    header, *lines = csv.splitlines()
    plain = await sent(user, csv, name="plain", symbol="AAPL", interval="1d")
    assert (plain["rows"], plain["interval"], plain["notes"]) == (3270, "1d", [])
    assert plain["quality"] == {
        "gaps": 118, "weekends": 591, "session_gaps": 0, "split_like_jumps": 1, "zero_volume_bars": 0,
    }  # fmt: skip
    turned = await sent(user, b"\r\n".join([header, *lines[::-1]]))
    assert turned["notes"] == ["The rows were newest first and have been turned around"]
    bars = f"/datasets/{plain['id']}/bars"
    downloads = {
        form: (await user.call("GET", bars, 200, headers={"Accept": accept})).content
        for form, accept in (
            ("csv", "text/csv"), ("arrow", ARROW), ("parquet", "application/vnd.apache.parquet"),
        )
    }  # fmt: skip
    whole = pa.ipc.open_stream(downloads["arrow"]).read_all()
    contents = (gzip.compress(csv), downloads["csv"], downloads["parquet"], parquet_of(whole))
    same = [turned, *[await sent(user, content) for content in contents]]
    assert {dataset["sha256"] for dataset in same} == {plain["sha256"]}
    page = (await user.call("GET", f"{bars}?start=2000-03-02&limit=2", 200)).json()
    assert [bar["time"] for bar in page["items"]] == ["2000-03-02T00:00:00Z", "2000-03-03T00:00:00Z"]
    assert [bar["close"] for bar in page["items"]] == whole["close"].to_pylist()[1:3]
    assert page["next_cursor"]


async def test_a_dataset_in_use_is_deleted_by_force_alone(client: httpx.AsyncClient, aapl: Path) -> None:
    """409 says what is in the way; forced it is gone, its run stays readable, and the same bars can come again."""
    user = await registered(client)
    dataset_id = await uploaded(user, aapl)
    strategy_id = (await stored(user)).json()["id"]
    run = (await backtested(user, strategy_id, dataset_id)).json()
    refused = await user.call("DELETE", f"/datasets/{dataset_id}", 409)
    assert "1 backtest refers to this dataset" in refused.json()["detail"]
    gone = await user.call("DELETE", f"/datasets/{dataset_id}?force=true", 204)
    token = {"Consistency-Token": gone.headers["consistency-token"]}
    for path in (f"/datasets/{dataset_id}", f"/datasets/{dataset_id}/bars"):
        await user.call("GET", path, 404, headers=token)
    assert (await user.call("GET", "/datasets", 200, headers=token)).json()["items"] == []
    kept = (await user.call("GET", f"/backtests/{run['id']}", 200)).json()
    assert kept["metrics"] == run["metrics"]
    assert (await user.call("GET", f"/backtests/{run['id']}/equity?points=2", 200)).json()["items"]
    again = await sent(user, aapl.read_bytes(), interval="1d")
    assert again["sha256"] == kept["run_identity"]["dataset_sha256"]
    assert (await backtested(user, strategy_id, again["id"])).json()["result_digest"] == run["result_digest"]


async def test_hostile_files_are_refused_with_a_sentence(client: httpx.AsyncClient, aapl: Path) -> None:
    """Bombs, halves, other formats, endless lines: each is a 4xx that says what to do, and the next upload is read."""
    user = await registered(client)
    head = b"Date,Open,High,Low,Close,Volume\n"
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    blanks = packer.compress(head) + packer.compress(b"\n" * 300_000_000) + packer.flush()
    ones = pa.array(np.ones(100_000))
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000), pa.int32()), pa.array(["1" * 20_000]))
    columns = {"time": pa.array(np.arange(100_000), pa.timestamp("s")), "high": ones, "low": ones, "close": ones}
    many = pa.table({name: pa.array(np.zeros(5_000_001, np.int64)) for name in ("t", "o", "h", "l", "c")})
    sound = parquet_of(pa.table({**columns, "open": ones}))
    for content, status, words in (
        (parquet_of(pa.table({**columns, "open": text})), 422, "more memory"),
        (sound[:-100], 422, "cut off"),
        (sound[:500] + b"\xff" * 5000 + sound[5500:], 422, "damaged"),
        (parquet_of(many), 413, "more than 5,000,000 rows"),
        (blanks, 413, "split it"),
        (gzip.compress(aapl.read_bytes())[:-1000], 422, "cut off"),
        (head + b"x" * 20_000_000, 422, "one bar a line"),
        (head + b"1,2\n" * 1_000_000, 422, "another number of columns"),
        (head + b"\0" * 1_000_000, 422, "NUL"),
        (aapl.read_bytes().decode().encode("utf-16"), 422, "UTF-16"),
        (b"PK\x03\x04" + bytes(1000), 422, "unpack it"),
        (b"", 422, "empty"),
    ):
        problem = await sent(user, content, status)
        assert words in problem["detail"], problem
    assert (await sent(user, sound))["rows"] == 100_000
    assert (await client.get("/health")).json()["status"] == "ok"

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pcm.formats import Parquet, write_outputs
from pcm.formats.parquet import CHUNK_ROWS
from tests.formats.finished import Finished, bad, good
from tests.journal.runs import manifest

parquet = pytest.importorskip("pyarrow.parquet")


def read(directory: Path, *rows: Any) -> list[dict[str, Any]]:
    write_outputs(Finished(*rows), manifest(), directory, [Parquet()])
    found: list[dict[str, Any]] = parquet.read_table(directory / "results.parquet").to_pylist()
    return found


def test_columns_of_values_errors_and_provenance(tmp_path: Path) -> None:
    first, second, third = read(
        tmp_path, good(0, {"label": "a", "score": 1}), bad(1), good(2, {"label": "b", "score": 0.5})
    )
    assert (first["id"], first["label"], first["score"]) == ("k0", "a", 1.0)
    assert first["error"] is None
    assert first["provenance"]["kind"] == "H200"
    assert second["label"] is None
    assert second["error"]["type"] == "KeyError"
    assert third["score"] == 0.5


def test_values_without_a_common_type_become_json(tmp_path: Path) -> None:
    values: list[Any] = [{"x": 1, "y": {}, "z": None}, {"x": "one", "y": {}}, {"x": [1]}]
    rows = read(tmp_path, *(good(item, value) for item, value in enumerate(values)))
    assert [row["x"] for row in rows] == ["1", '"one"', "[1]"]
    assert [row["y"] for row in rows] == ["{}", "{}", None]
    assert [row["z"] for row in rows] == [None, None, None]


def test_types_hold_over_chunks(tmp_path: Path) -> None:
    count = CHUNK_ROWS + 2
    rows = read(
        tmp_path,
        *(
            good(item, {"n": item} if item < CHUNK_ROWS else {"n": 0.5, "m": "x"}, key=item)
            for item in range(count)
        ),
    )
    assert len(rows) == count
    assert rows[3]["n"] == 3.0
    assert rows[-1]["n"] == 0.5
    assert (rows[0]["m"], rows[-1]["m"]) == (None, "x")
    assert rows[-1]["id"] == count - 1


def test_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path) == []

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pcm.engines.taskvine.messages import SendPiece
from pcm.engines.taskvine.pieces import ChangedError, read_piece
from workers import carriage

CONTENT = bytes(range(250))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(carriage, "PIECE_BYTES", 100)
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def order(path: Path, offset: int = 0) -> SendPiece:
    status = path.stat()
    return SendPiece("w", 1, "d" * 32, offset, str(path), status.st_size, status.st_mtime_ns)


def test_pieces_in_order_are_the_file(file: Path) -> None:
    found = [read_piece(order(file, offset)) for offset in (0, 100, 200)]
    assert b"".join(found) == CONTENT
    assert [len(piece) for piece in found] == [100, 100, 50]


def test_an_empty_file_is_one_empty_piece(file: Path) -> None:
    file.write_bytes(b"")
    assert read_piece(order(file)) == b""


def test_a_file_that_is_another_now_is_not_sent(file: Path) -> None:
    before = order(file)
    file.write_bytes(CONTENT[::-1])
    os.utime(file, ns=(0, before.modified_ns + 1))
    with pytest.raises(ChangedError, match=f"{file} has changed since the run began"):
        read_piece(before)
    file.unlink()
    with pytest.raises(ChangedError, match="cannot be read any more: No such file"):
        read_piece(before)

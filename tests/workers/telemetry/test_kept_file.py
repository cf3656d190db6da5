from __future__ import annotations

from pathlib import Path

import pytest

from workers.telemetry.kept_file import KeptFile


def test_each_read_is_of_what_it_says_now(tmp_path: Path) -> None:
    path = tmp_path / "counter"
    path.write_text("17\n")
    file = KeptFile(str(path))
    assert file.number() == 17
    path.write_text("18\n")
    assert file.number() == 18
    path.write_text("no number\n")
    assert file.number() is None
    file.close()
    file.close()
    assert file.read() == b""


def test_the_kernel_makes_it_anew() -> None:
    file = KeptFile("/proc/self/comm")
    before = file.read()
    Path("/proc/self/comm").write_text("renamed")
    try:
        assert file.read() == b"renamed\n"
    finally:
        Path("/proc/self/comm").write_bytes(before)
        file.close()


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    assert KeptFile.find(str(tmp_path / "absent")) is None
    assert KeptFile.find(str(tmp_path)) is None  # It opens, and gives EISDIR when it is read.
    with pytest.raises(OSError):
        KeptFile(str(tmp_path))

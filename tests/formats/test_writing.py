from __future__ import annotations

import importlib.util
import os
import threading
from pathlib import Path

import pytest

from pcm.errors import InputError, RunError
from pcm.formats import Jsonl, OpenAIBatch, Output, Parquet, check_outputs, write_outputs
from pcm.formats.atomic import atomic_file
from tests.formats.finished import Finished, bad, good
from tests.journal.runs import manifest


@pytest.mark.parametrize("output", [Jsonl("out"), OpenAIBatch("out", "err"), Parquet("out")])
def test_a_write_that_fails_leaves_the_old_files_alone(tmp_path: Path, output: Output) -> None:
    for name in output.paths():
        (tmp_path / name).write_text("old")
    rows = Finished(good(0, {"a": 1}), bad(1), good(2, {"a": 2}), fail_after=2)
    with pytest.raises(RunError, match=r"(out|err): .*No space left.*resume"):
        write_outputs(rows, manifest(), tmp_path, [output])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        output.paths(), "old"
    )


def test_what_does_not_fit_a_format_is_said(tmp_path: Path) -> None:
    import msgspec

    row = good(0, {"a": msgspec.msgpack.Ext(5, b"odd")})
    with pytest.raises(RunError, match="do not fit this format"):
        write_outputs(Finished(row), manifest(), tmp_path, [Jsonl()])
    assert list(tmp_path.iterdir()) == []


def test_the_outputs_of_the_manifest_are_written(tmp_path: Path) -> None:
    about = manifest(outputs=[Jsonl("a.jsonl"), Jsonl(str(tmp_path / "far" / "b.jsonl"))])
    write_outputs(Finished(good(0, 1)), about, tmp_path)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "far" / "b.jsonl").read_bytes()


def test_a_left_over_part_is_used_again(tmp_path: Path) -> None:
    (tmp_path / ".x.part").write_text("what a crash left behind, and longer than the new content")
    with atomic_file(tmp_path / "x") as file:
        file.write(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"new"


def test_two_writers_of_one_path_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "x"
    first_in, second_started = threading.Event(), threading.Event()

    def first() -> None:
        with atomic_file(path) as file:
            first_in.set()
            second_started.wait(10)
            file.write(b"first")

    def second() -> None:
        first_in.wait(10)
        second_started.set()
        with atomic_file(path) as file:
            file.write(b"2")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"2"
    assert [found.name for found in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("folder", "is a directory"),
        ("file/x.jsonl", "not a directory"),
        ("/proc/x.jsonl", "could not be written"),
        ("/dev/full", "not a regular file"),
        ("journal.sqlite", "a file of the run itself"),
    ],
)
def test_a_path_that_cannot_be_written_is_found_before(
    tmp_path: Path, path: str, problem: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=problem):
        check_outputs([Jsonl(path)], tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        check_outputs([Jsonl()], tmp_path)


def test_good_paths_pass_and_leave_nothing(tmp_path: Path) -> None:
    outputs: list[Output] = [Jsonl(), OpenAIBatch("a/b/c.jsonl", "errors.jsonl"), Parquet()]
    check_outputs(outputs, tmp_path / "not" / "yet")
    assert list(tmp_path.iterdir()) == []


def test_one_path_for_two_outputs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two outputs"):
        check_outputs([Jsonl("a"), Parquet("a")], tmp_path)


def test_parquet_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'pcm\[parquet\]'"):
        check_outputs([Parquet()], tmp_path)

"""What is wrong with a model directory is said before anything is loaded."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from workers.inference.files import INDEX, SINGLE, check_directory, looks_like_path


def write_weights(file: Path, *, data_bytes: int = 16) -> None:
    header = json.dumps(
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "__metadata__": {}}
    ).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(data_bytes))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    write_weights(tmp_path / SINGLE)
    return tmp_path


def write_shards(directory: Path) -> None:
    (directory / SINGLE).unlink()
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    (directory / INDEX).write_text(json.dumps({"weight_map": shards}))
    for name in shards.values():
        write_weights(directory / name)


def test_a_whole_model_passes(directory: Path) -> None:
    check_directory(directory)
    write_shards(directory)
    check_directory(directory)


def test_a_missing_directory_or_a_file_in_its_place(directory: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist; give the directory"):
        check_directory(directory / "nowhere")
    with pytest.raises(ValueError, match="is a file"):
        check_directory(directory / "config.json")


def test_no_model(directory: Path) -> None:
    (directory / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is not JSON"):
        check_directory(directory)
    (directory / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="JSON object"):
        check_directory(directory)
    (directory / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no config\.json: it is not a model"):
        check_directory(directory)


def test_no_weights_or_weights_of_another_format(directory: Path) -> None:
    (directory / SINGLE).unlink()
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors.*download"):
        check_directory(directory)
    (directory / "pytorch_model.bin").touch()
    with pytest.raises(FileNotFoundError, match=r"it has pytorch_model\.bin: save"):
        check_directory(directory)


def test_a_shard_is_missing(directory: Path) -> None:
    write_shards(directory)
    (directory / "model-2.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 weight files.*model-2\.safetensors"):
        check_directory(directory)
    (directory / INDEX).write_text("{}")
    with pytest.raises(ValueError, match="names no shards"):
        check_directory(directory)


@pytest.mark.parametrize("data_bytes", [0, 15, 17])
def test_weights_of_another_size_than_their_header_says(directory: Path, data_bytes: int) -> None:
    write_weights(directory / SINGLE, data_bytes=data_bytes)
    with pytest.raises(ValueError, match="bytes where its header promises"):
        check_directory(directory)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut off in its header"),
        (struct.pack("<Q", 500) + b"{}", "cut off in its header"),
        (struct.pack("<Q", 4) + b"oops", "no readable safetensors header"),
        (struct.pack("<Q", 2) + b"[]", "no readable safetensors header"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    ],
)
def test_damaged_weights(directory: Path, content: bytes, message: str) -> None:
    (directory / SINGLE).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        check_directory(directory)


def test_no_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match="has no tokenizer"):
        check_directory(directory)


@pytest.mark.parametrize(
    ("model", "path"),
    [("gpt2", False), ("owner/name", False), ("./name", True), ("/a", True), ("a/b/c", True)],
)
def test_a_path_is_told_from_a_hub_id(model: str, path: bool) -> None:
    assert looks_like_path(model) is path

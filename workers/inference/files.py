"""Whether a directory holds a whole model, found out without loading it (and without torch)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
HEADER_LENGTH_BYTES = 8
LONGEST_HEADER_BYTES = 100_000_000
LFS_POINTER = b"version https://git-lfs"


def looks_like_path(model: str) -> bool:
    """Whether ``model`` names a directory rather than a hub id (``name`` or ``owner/name``)."""
    return model.startswith(("/", "./", "../", "~")) or model.count("/") > 1 or model in (".", "..")


def check_directory(directory: Path) -> None:
    """Check that a causal language model in Hugging Face layout is there, complete and not cut off.

    Raises FileNotFoundError for a missing directory or file, ValueError for one that is not a model
    or is damaged; the message says which and how to mend it.
    """
    if not directory.exists():
        raise FileNotFoundError(
            f"model directory {directory} does not exist; give the directory that holds its "
            "config.json, or a hub id"
        )
    if not directory.is_dir():
        raise ValueError(
            f"{directory} is a file; give the directory that holds the model's config.json"
        )
    read_json(directory / "config.json", "it is not a model directory in Hugging Face layout")
    for file in weight_files(directory):
        check_safetensors(file)
    if not any((directory / name).exists() for name in TOKENIZER_FILES):
        raise FileNotFoundError(
            f"{directory} has no tokenizer ({', '.join(TOKENIZER_FILES)}); copy the tokenizer's "
            "files next to the weights"
        )


def read_json(file: Path, meaning: str) -> dict[str, Any]:
    """The object in a JSON file. ``meaning`` is what it means that the file is not there."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{file.parent} has no {file.name}: {meaning}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{file} is not JSON ({error}); download the model again") from None
    if not isinstance(value, dict):
        raise ValueError(f"{file} does not hold a JSON object; download the model again")
    return value


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of the model. Raises if there are none, or a shard is missing."""
    if (directory / SINGLE).exists():
        return [directory / SINGLE]
    if not (directory / INDEX).exists():
        others = sorted(p.name for p in directory.glob("*.bin")) + sorted(
            p.name for p in directory.glob("*.gguf")
        )
        mend = (
            f"it has {others[0]}: save the model with save_pretrained to convert it"
            if others
            else "download the model again"
        )
        raise FileNotFoundError(f"{directory} has no {SINGLE} and no {INDEX}; {mend}")
    index = read_json(directory / INDEX, "its weights cannot be found")
    shards = sorted({str(name) for name in index.get("weight_map", {}).values()})
    if not shards:
        raise ValueError(f"{directory / INDEX} names no shards; download the model again")
    missing = [name for name in shards if not (directory / name).exists()]
    if missing:
        raise FileNotFoundError(
            f"{directory} lacks {len(missing)} of {len(shards)} weight files that {INDEX} names, "
            f"the first is {missing[0]}; download the model again"
        )
    return [directory / name for name in shards]


def check_safetensors(file: Path) -> None:
    """Compare a file's size with its header. Raises ValueError where they differ."""
    size = file.stat().st_size
    tensors, start = read_header(file)
    try:
        end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except (TypeError, KeyError, IndexError):
        raise _unreadable(file) from None
    if size != start + end:
        raise ValueError(
            f"{file} has {size} bytes where its header promises {start + end}; download the model "
            "again"
        )


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """What a safetensors file says of its tensors, by name, and the byte where their data begin.

    Format: https://huggingface.co/docs/safetensors (8 bytes header length, JSON header, data).
    Raises ValueError where the file is cut off in its header, or is something else.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(HEADER_LENGTH_BYTES)
        if (start + stream.read(len(LFS_POINTER))).startswith(LFS_POINTER):
            raise ValueError(f"{file} is a Git LFS pointer, not the weights; run `git lfs pull`")
        stream.seek(HEADER_LENGTH_BYTES)
        header_bytes = int.from_bytes(start, "little")
        if len(start) < HEADER_LENGTH_BYTES or header_bytes + HEADER_LENGTH_BYTES > size:
            raise ValueError(
                f"{file} is cut off in its header ({size} bytes); download the model again"
            )
        if header_bytes > LONGEST_HEADER_BYTES:
            raise ValueError(f"{file} is not a safetensors file; download the model again")
        header_text = stream.read(header_bytes)
    try:
        header = json.loads(header_text)
        header.pop("__metadata__", None)
    except (ValueError, AttributeError, TypeError):
        raise _unreadable(file) from None
    return header, HEADER_LENGTH_BYTES + header_bytes


def _unreadable(file: Path) -> ValueError:
    return ValueError(f"{file} has no readable safetensors header; download the model again")

"""Content hashes of files and directories; large files are hashed once and remembered."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from pcm.errors import InputError
from workers.staging.contents import names_below

WORTH_REMEMBERING_BYTES = 1 << 20
"""Hashing less than this takes no longer than asking whether it was done."""
_SETTLED_SECONDS = 2.0
"""A file changed more recently might change again without its time telling (coarse clocks)."""
_READERS = 4


class Remembered(msgspec.Struct, frozen=True):
    """A hash and the state of the file when it was taken."""

    state: tuple[int, ...]
    digest: str


def digest_files(path: Path) -> dict[str, str]:
    """Hash by relative name of a file or of all files below a directory, in order of name.

    Hidden files and ``__pycache__`` do not count; links are followed. Raises InputError for what
    cannot be read and for a directory without files.
    """
    names = [path.name] if path.is_file() else sorted(names_below(path))
    if not names:
        raise InputError(f"{path} holds no files", mend="give a directory with the files in it")
    folder = path.parent if path.is_file() else path
    with ThreadPoolExecutor(_READERS) as readers:  # hashing large blocks lets other threads run
        digests = list(readers.map(digest_file, (folder / name for name in names)))
    return dict(zip(names, digests, strict=True))


def digest_file(path: Path) -> str:
    """Hash of one file's content, taken from memory if the file is as it was."""
    try:
        before = os.stat(path)
        if before.st_size < WORTH_REMEMBERING_BYTES:
            return _hash(path)
        memory = _memory()
        note = memory / hashlib.blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
        remembered = _read(note) if memory.name else None
        if remembered is not None and remembered.state == _state(before):
            return remembered.digest
        digest = _hash(path)
        after = os.stat(path)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=str(path)) from error
    settled = time.time() - after.st_mtime > _SETTLED_SECONDS
    if memory.name and settled and _state(before) == _state(after):
        _write(note, Remembered(_state(after), digest))
    return digest


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _state(status: os.stat_result) -> tuple[int, ...]:
    # The change time too: tools that copy put the modification time back.
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


def _memory() -> Path:
    """The folder of remembered hashes; an empty path if there can be none that is ours alone."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "pcm" / "file-hashes"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return Path()
    others_may_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return Path() if status.st_uid != os.getuid() or others_may_write else folder


def _read(note: Path) -> Remembered | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=Remembered)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _write(note: Path, remembered: Remembered) -> None:
    draft = note.with_name(f"{note.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(msgspec.json.encode(remembered))
        os.replace(draft, note)
    except OSError:
        draft.unlink(missing_ok=True)

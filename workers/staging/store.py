"""The store of a host: files under the hash of their content, kept from one worker to the next.

    files/DIGEST    whole and verified
    parts/DIGEST    half there; DIGEST.new: copied or linked, and not verified yet
    notes/DIGEST    the state in which the file was verified
    locks/DIGEST    held shared by those that use the file, alone by the one that brings it
    trees/          directories of links, as loaders are given them

Whatever ends a process, at any moment: what is in ``files`` is whole, or is found not to be as its
note says; a part is continued; locks are free.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Literal

from workers.protocol import StagedFile
from workers.staging import notes
from workers.staging.directory import prepare
from workers.staging.errors import StagingError
from workers.staging.hashing import Stop, chunks, digest_of, new_hash
from workers.staging.locks import Lock
from workers.staging.notes import Note
from workers.staging.parts import Part
from workers.staging.room import FreeBytes, free_bytes, make_room

Taken = Literal["whole", "part", "elsewhere"]
Brought = Literal["wanted", "whole", "damaged"]
"""What has become of a file by what was brought: more is wanted, it is complete and right, or what
came was wrong and is thrown away."""


class Store:
    """One process's view of it. Not for several threads."""

    def __init__(
        self,
        directory: str,
        *,
        free: FreeBytes = free_bytes,
        stop: Stop = lambda: False,
    ) -> None:
        """Raises StagingError if the directory is not fit to be one."""
        prepare(directory)
        self.directory = directory
        self._free, self._stop = free, stop
        self._locks: dict[str, Lock] = {}
        self._parts: dict[str, Part] = {}

    def path(self, digest: str) -> str:
        """Where the whole file is, or will be."""
        return os.path.join(self.directory, "files", digest)

    # -- holding ---------------------------------------------------------------------------------

    def take(self, file: StagedFile) -> Taken:
        """Hold a file until ``release``.

        ``whole``: it is there, verified, and stays. ``part``: it is to be brought, by us: see
        ``have_bytes`` and ``append``. ``elsewhere``: a neighbour has it in hand; ask again later.
        Raises OSError and Stopped.
        """
        digest = file.digest
        if digest in self._parts:
            return "part"
        if digest in self._locks:
            return "whole"
        lock = Lock(self._at("locks", digest))
        taken: Taken = "elsewhere"
        try:
            if lock.shared():
                if self._is_whole(file):
                    taken = "whole"
                elif lock.exclusive():
                    taken = self._begin(file)
                    if taken == "whole" and not (lock.shared() and self._is_whole(file)):
                        taken = "elsewhere"
        finally:
            if taken == "elsewhere":
                lock.close()
            else:
                self._locks[digest] = lock
        return taken

    def release(self, digest: str) -> None:
        """It is not needed here any more. What there is of it stays, while there is room."""
        self._let_go(digest)
        lock = self._locks.pop(digest, None)
        if lock is not None:
            lock.close()

    def close(self) -> None:
        """Release all."""
        for digest in list(self._locks):
            self.release(digest)

    def make_room(self, needed_bytes: int) -> None:
        """Let unused files go, if need be. Raises StagingError if that is not enough, OSError."""
        make_room(self.directory, needed_bytes, held=self._locks, free=self._free)

    def missing_bytes(self, file: StagedFile) -> int:
        """How much of it is not on the disk, as far as sizes tell."""
        if _size(self.path(file.digest)) == file.size_bytes:
            return 0
        return max(0, file.size_bytes - self.part_bytes(file.digest))

    def part_bytes(self, digest: str) -> int:
        """How much there is of a part, whoever brings it."""
        return _size(self._at("parts", digest))

    # -- bringing --------------------------------------------------------------------------------

    def have_bytes(self, digest: str) -> int:
        """How much there is of a part that we hold."""
        return self._parts[digest].have_bytes

    def append(self, file: StagedFile, offset: int, piece: bytes) -> Brought:
        """Continue a part that we hold; a piece that does not fit on is left alone.

        When it is ``whole``, ``take`` it. Raises OSError, StagingError and Stopped.
        """
        part = self._parts[file.digest]
        if offset == part.have_bytes and piece:
            if offset + len(piece) > file.size_bytes:
                part.clear()
                return "damaged"
            self.make_room(len(piece))
            part.append(piece)
        return self._finish(file, part) if part.is_full else "wanted"

    def adopt(self, file: StagedFile, source: str) -> Brought:
        """Take a whole file from elsewhere in place of the part that we hold, by a hard link if
        that can be. When it is ``whole``, ``take`` it. Raises OSError, StagingError and Stopped."""
        new = self._at("parts", f"{file.digest}.new")
        try:
            if os.stat(source).st_size != file.size_bytes:
                return "damaged"
            digest = self._link(source, new) or self._copy(source, new)
            if digest != file.digest:
                return "damaged"
            self._keep(file, new)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
        self._parts[file.digest].clear()
        self._share(file.digest)
        return "whole"

    def _link(self, source: str, new: str) -> str:
        """The digest of what is linked; empty if there can be no link."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        try:
            os.link(os.path.realpath(source), new)
        except OSError:
            return ""
        os.chmod(new, 0o600)
        with open(new, "rb", 0) as file:
            before = os.fstat(file.fileno())
            digest = digest_of(file, self._stop)
            os.fsync(file.fileno())
            after = os.fstat(file.fileno())
        return digest if Note.of(before) == Note.of(after) else "changed"

    def _copy(self, source: str, new: str) -> str:
        self.make_room(os.stat(source).st_size)
        content = new_hash()
        with open(source, "rb", 0) as old, open(new, "wb", 0, opener=_private) as copy:
            for chunk in chunks(old, self._stop):
                content.update(chunk)
                while chunk:
                    chunk = chunk[os.write(copy.fileno(), chunk) :]  # noqa: PLW2901
            os.fsync(copy.fileno())
        return content.hexdigest()

    # -- giving ----------------------------------------------------------------------------------

    def publish(self, digest: str, target: str) -> None:
        """Put a whole file there, by a hard link if that can be. Raises StagingError, OSError."""
        if digest in self._parts:
            raise StagingError(f"file {digest} is not whole here")
        lock = None if digest in self._locks else Lock(self._at("locks", digest))
        try:
            if lock is not None and not lock.shared():
                raise StagingError(f"file {digest} is in another worker's hands")
            path = self.path(digest)
            if not self._is_as_noted(digest):
                raise StagingError(f"file {digest} is not in the cache {self.directory}")
            try:
                os.link(path, target)
            except OSError:
                shutil.copyfile(path, target)
        finally:
            if lock is not None:
                lock.close()

    # -- inside ----------------------------------------------------------------------------------

    def _begin(self, file: StagedFile) -> Taken:
        """With the lock for us alone: go on with the part, unless the file came meanwhile."""
        if self._is_whole(file):
            return "whole"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(file.digest))
        part = Part(self._at("parts", file.digest), file, self._stop)
        self._parts[file.digest] = part
        try:
            # A writer may have died between its last piece and its check; and a file may be empty.
            done = part.is_full and self._finish(file, part) == "whole"
        except BaseException:
            self._let_go(file.digest)
            raise
        return "whole" if done else "part"

    def _finish(self, file: StagedFile, part: Part) -> Brought:
        if not part.is_right():
            part.clear()
            return "damaged"
        part.sync()
        self._keep(file, part.path)
        self._share(file.digest)
        return "whole"

    def _keep(self, file: StagedFile, path: str) -> None:
        """What is verified, and on the disk, under its name. Its time is that beside the manager,
        so that a change, however soon, shows in it."""
        os.utime(path, ns=(file.modified_ns, file.modified_ns))
        os.replace(path, self.path(file.digest))
        self._note(file.digest)

    def _share(self, digest: str) -> None:
        """The file is whole: let others use it too. Between the two kinds of lock somebody may
        come in, and need its room; then it is not held any more."""
        self._let_go(digest)
        lock = self._locks.get(digest)
        if lock is not None and not (lock.shared() and self._is_as_noted(digest)):
            self.release(digest)

    def _let_go(self, digest: str) -> None:
        """Of the part, if there is one."""
        part = self._parts.pop(digest, None)
        if part is not None:
            part.close()

    def _is_whole(self, file: StagedFile) -> bool:
        """Whether the file is there and right: by its note, or else by its hash."""
        digest = file.digest
        if self._is_as_noted(digest):
            notes.used(self._at("notes", digest))
            return True
        try:
            with open(self.path(digest), "rb", 0) as stored:
                before = os.fstat(stored.fileno())
                right = before.st_size == file.size_bytes and (
                    digest_of(stored, self._stop) == digest
                )
                right = right and Note.of(os.fstat(stored.fileno())) == Note.of(before)
        except FileNotFoundError:
            return False
        if right:
            self._note(digest)
        return right

    def _is_as_noted(self, digest: str) -> bool:
        try:
            status = os.stat(self.path(digest))
        except FileNotFoundError:
            return False
        return notes.read(self._at("notes", digest)) == Note.of(status)

    def _note(self, digest: str) -> None:
        notes.write(self._at("notes", digest), Note.of(os.stat(self.path(digest))))

    def _at(self, folder: str, name: str) -> str:
        return os.path.join(self.directory, folder, name)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

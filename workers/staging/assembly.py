"""What the contexts of one worker wait for, and what has come of it. All of it may take long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from workers import carriage
from workers.protocol import FileState, StagedFile, Tree
from workers.staging import existing, trees
from workers.staging.directory import MEND
from workers.staging.errors import StagingError
from workers.staging.hashing import Stop
from workers.staging.store import Store

NEIGHBOUR_SECONDS = 0.2
"""How often to look whether a neighbour is done with a file."""
STALLED_SECONDS = 1800.0
"""A neighbour that has brought nothing for so long is not waited for."""

Places = Mapping[int | str, str]
"""What to give to a loader in place of some of its arguments, by their position or name."""


class Sink(NamedTuple):
    """Where news go."""

    say: Callable[[FileState], None]
    ready: Callable[[str, Places], None]
    """A context's files are there."""
    failed: Callable[[str, StagingError], None]
    """There is no way to have them here. The context is released."""


class Wait:
    """A context and its files."""

    def __init__(self, context_trees: Sequence[Tree]) -> None:
        self.trees = context_trees
        self.found: dict[int, dict[str, str]] = {}
        """Per tree, what is used where it is, by name."""
        self.places: dict[int | str, str] = {}
        self.needed: dict[str, StagedFile] = {}
        """What must be in the store, by digest."""
        self.missing: set[str] = set()
        self.done = False
        """Whether the context was told to be ready."""


class Neighbour(NamedTuple):
    """What another worker of this host seems to do with a file."""

    size_bytes: int
    since: float


class Assembly:
    """Made in one thread, for one thread."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        sink: Sink,
        *,
        never_shared: bool = False,
        stop: Stop = lambda: False,
    ) -> None:
        self._open_store, self._sink = open_store, sink
        self._never_shared, self._stop = never_shared, stop
        self._opened: Store | None = None
        self._waits: dict[str, Wait] = {}
        self._neighbours: dict[str, Neighbour] = {}

    # -- contexts --------------------------------------------------------------------------------

    def stage(self, context: str, context_trees: Sequence[Tree]) -> None:
        """Find the files of a context, which is new here, ask for those that are missing, and hold
        them all until ``release``. Raises Stopped."""
        wait = self._waits[context] = Wait(context_trees)
        try:
            for index, tree in enumerate(context_trees):
                trees.check(tree)
                self._find(index, tree, wait)
            self._make_room(wait.needed)
            wait.missing.update(wait.needed)
            for file in list(wait.needed.values()):
                self._take(file)
            self._finish_if_whole(context)
        except (StagingError, OSError) as error:
            self._fail([context], error)

    def release(self, context: str) -> None:
        """It does not use its files any more, or does not wait for them."""
        wait = self._waits.pop(context, None)
        for digest in () if wait is None else wait.needed:
            if self._file(digest) is None:
                self._neighbours.pop(digest, None)
                if self._opened is not None:
                    self._opened.release(digest)

    def close(self) -> None:
        """Let all go; nothing is told any more."""
        self._waits.clear()
        self._neighbours.clear()
        if self._opened is not None:
            self._opened.close()

    # -- files -----------------------------------------------------------------------------------

    def bring(self, call: carriage.Staging, sandbox: str) -> FileState:
        """Carry out a call; its answer. Raises Stopped."""
        path = os.path.join(sandbox, carriage.STAGED_FILE)
        if call.kind == "publish":
            return self._publish(call.digest, path)
        file = self._file(call.digest)
        if file is None:
            return FileState(call.digest, "damaged", detail="no context needs it (any more)")
        try:
            if self._store.take(file) == "part":
                return self._bring(file, call, path)
        except (StagingError, OSError) as error:
            self._fail(self._waiting_for(file.digest), error)
            return FileState(file.digest, "damaged", detail=str(error))
        if file.digest in self._neighbours:
            detail = "another worker of this host is bringing it"
            return FileState(file.digest, "damaged", detail=detail)
        return FileState(file.digest, "whole")

    def look_again(self) -> float | None:
        """See to files that neighbours have in hand; gives in how many seconds to look again, None
        if there are none. Raises Stopped."""
        for digest in list(self._neighbours):
            file = self._file(digest)
            try:
                if file is not None and self._neighbours.get(digest):
                    self._take(file)
            except (StagingError, OSError) as error:
                self._fail(self._waiting_for(digest), error)
        return NEIGHBOUR_SECONDS if self._neighbours else None

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _store(self) -> Store:
        """Only made when it is needed. Raises StagingError."""
        if self._opened is None:
            self._opened = self._open_store()
        return self._opened

    def _find(self, index: int, tree: Tree, wait: Wait) -> None:
        """What need not be in the store."""
        snapshot = existing.hub_snapshot(tree)
        if snapshot is not None and not (self._never_shared and _is_same(snapshot, tree.path)):
            wait.found[index] = {file.name: str(snapshot / file.name) for file in tree.files}
            if not existing.is_referred_to(tree):
                wait.places[tree.argument] = str(snapshot)
            return
        found = {} if self._never_shared else existing.same_path(tree, self._stop)
        wait.found[index] = found
        if len(found) < len(tree.files):
            wait.needed |= {f.digest: f for f in tree.files if f.name not in found}
        elif tree.hub:
            wait.places[tree.argument] = tree.path

    def _make_room(self, needed: Mapping[str, StagedFile]) -> None:
        """For all that is to come, before any of it is asked for."""
        if needed:
            store = self._store
            store.make_room(sum(store.missing_bytes(file) for file in needed.values()))

    def _take(self, file: StagedFile) -> None:
        """See whether the store has it, and tell."""
        digest = file.digest
        taken = self._store.take(file)
        if taken == "elsewhere":
            self._wait_for_neighbour(file)
            return
        self._neighbours.pop(digest, None)
        if taken == "part":
            have_bytes = self._store.have_bytes(digest)
            self._sink.say(FileState(digest, "wanted", have_bytes))
        else:
            self._sink.say(FileState(digest, "whole"))
            self._has_come(digest)

    def _wait_for_neighbour(self, file: StagedFile) -> None:
        size_bytes = self._store.part_bytes(file.digest)
        known = self._neighbours.get(file.digest)
        if known is None or known.size_bytes != size_bytes:
            self._neighbours[file.digest] = Neighbour(size_bytes, time.monotonic())
        elif time.monotonic() - known.since > STALLED_SECONDS:
            raise StagingError(
                f"another worker of this host has been bringing {file.name} for"
                f" {STALLED_SECONDS / 60:.0f} minutes without progress; end that worker, or {MEND}"
            )

    def _bring(self, file: StagedFile, call: carriage.Staging, path: str) -> FileState:
        digest, store = file.digest, self._store
        if not os.path.isfile(path):
            return FileState(digest, "damaged", detail="the call brought no file")
        if call.kind == "piece":
            with open(path, "rb") as piece:
                brought = store.append(file, call.offset, piece.read(carriage.PIECE_BYTES + 1))
        else:
            brought = store.adopt(file, path)
        if brought == "wanted":
            return FileState(digest, "wanted", store.have_bytes(digest))
        if brought == "whole" and store.take(file) == "whole":
            self._has_come(digest)
            return FileState(digest, "whole")
        return FileState(digest, "damaged", detail=f"what came of {file.name} has another hash")

    def _publish(self, digest: str, path: str) -> FileState:
        try:
            self._store.publish(digest, path)
        except (StagingError, OSError) as error:
            # A call without its output would fail, and its answer be lost.
            _make_empty(path)
            return FileState(digest, "damaged", detail=str(error))
        return FileState(digest, "published")

    def _has_come(self, digest: str) -> None:
        for context in self._waiting_for(digest):
            self._waits[context].missing.discard(digest)
            try:
                self._finish_if_whole(context)
            except (StagingError, OSError) as error:
                self._fail([context], error)

    def _finish_if_whole(self, context: str) -> None:
        wait = self._waits[context]
        if wait.missing or wait.done:
            return
        for index, tree in enumerate(wait.trees):
            found = wait.found[index]
            if len(found) < len(tree.files):
                stored = {f.name: self._store.path(f.digest) for f in tree.files}
                links = os.path.join(self._store.directory, "trees")
                wait.places[tree.argument] = trees.place(links, tree, stored | found)
        wait.done = True
        self._sink.ready(context, wait.places)

    def _fail(self, contexts: Sequence[str], error: Exception) -> None:
        if isinstance(error, OSError):
            what = error.strerror or str(error)
            at = f" ({error.filename})" if error.filename else ""
            error = StagingError(f"files cannot be kept in the cache: {what}{at}; {MEND}")
        assert isinstance(error, StagingError)
        for context in contexts:
            self.release(context)
            self._sink.failed(context, error)

    def _file(self, digest: str) -> StagedFile | None:
        for wait in self._waits.values():
            if digest in wait.needed:
                return wait.needed[digest]
        return None

    def _waiting_for(self, digest: str) -> list[str]:
        return [context for context, wait in self._waits.items() if digest in wait.missing]


def _is_same(one: os.PathLike[str], other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _make_empty(path: str) -> None:
    try:
        with open(path, "wb"):
            pass
    except OSError:
        pass  # The call was cancelled: nobody waits for its answer.

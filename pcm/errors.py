"""The errors that pcm raises for its users. Each says what is wrong, where, and how to mend it."""

from __future__ import annotations


class PcmError(Exception):
    """Base of all errors that pcm raises on purpose."""


class InputError(PcmError):
    """Bad input: nothing was started and nothing was lost.

    ``str(error)`` reads ``FILE:LINE: FIELD: what is wrong; how to mend it``, as far as known.
    """

    def __init__(
        self, problem: str, *, file: str = "", line: int = 0, field: str = "", mend: str = ""
    ) -> None:
        self.problem, self.file, self.line, self.field, self.mend = problem, file, line, field, mend
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        at = f"{field}: " if field else ""
        super().__init__(f"{where}{at}{problem}" + (f"; {mend}" if mend else ""))


class ChangedRunError(InputError):
    """A run directory holds another run than the one that was asked for. ``changes`` names how."""

    def __init__(self, directory: str, changes: list[str]) -> None:
        self.changes = changes
        super().__init__(
            "this directory holds a different run: " + "; ".join(changes),
            file=directory,
            mend="give another directory, or undo the change to resume",
        )


class RunInUseError(InputError):
    """Another live manager owns the run directory."""


class JournalError(PcmError):
    """The run's journal could not be read or written (a full disk, a damaged file)."""


class EngineError(PcmError):
    """The engine cannot work on this machine."""


class RunError(PcmError):
    """A run ended without finishing: what was done is kept, and it can be resumed."""


class ItemError(PcmError):
    """One item failed. ``traceback`` is the user's own, from the worker."""

    def __init__(self, message: str, traceback: str = "") -> None:
        self.traceback = traceback
        super().__init__(message + (f"\n\n{traceback}" if traceback else ""))

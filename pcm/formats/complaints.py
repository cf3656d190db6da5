"""Mistakes of one file, gathered and told together."""

from __future__ import annotations

from pcm.errors import InputError

LIMIT = 20


class Complaints:
    """Collects InputErrors of one file; those beyond ``limit`` are only known to exist."""

    def __init__(self, file: str, limit: int = LIMIT) -> None:
        self.limit = limit
        self._file = file
        self._errors: list[InputError] = []

    def add(self, error: InputError) -> None:
        self._errors.append(error)

    @property
    def are_enough(self) -> bool:
        return len(self._errors) > self.limit

    def raise_if_any(self) -> None:
        """Raises InputError: the only one as it is; of several, the first's line and field, and a
        text that has them all, by line."""
        if not self._errors:
            return
        errors = sorted(self._errors, key=lambda error: error.line)
        if len(errors) == 1:
            raise errors[0]
        shown = "".join(f"\n  {error}" for error in errors[: self.limit])
        more = "\n  and there are more" if len(errors) > self.limit else ""
        number = f"{self.limit} or more" if more else str(len(errors))
        raise _Several(f"{number} mistakes:{shown}{more}", file=self._file, first=errors[0])


class _Several(InputError):
    def __init__(self, problem: str, *, file: str, first: InputError) -> None:
        super().__init__(problem, file=file)
        self.line, self.field, self.mend = first.line, first.field, first.mend

"""Errors about what a run file names, with the line of the run file that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pcm.errors import InputError
from pcm.runfile.document import Document, Path
from pcm.runfile.importing import UserCodeError

_ARGUMENT = re.compile(r"\bargument '(\w+)'$")


@contextmanager
def blaming(document: Document, path: Path) -> Iterator[None]:
    """What raises InputError within is the fault of the value at ``path``, or of an argument in it
    that the error names. The error keeps its own file and line in its message."""
    try:
        yield
    except UserCodeError as error:
        located = document.error(path, error.problem)
        error.args, error.file = located.args, located.file
        error.line, error.field = located.line, located.field
        raise
    except InputError as error:
        if error.file == document.file:
            raise
        named = _ARGUMENT.search(error.field)
        inside = (*path, named[1]) if named else path
        found = inside in document.lines and named is not None
        own = InputError(
            error.problem,
            file=error.file,
            line=error.line,
            field="" if found or error.field == path[-1] else error.field,
        )
        raise document.error(inside if found else path, str(own), error.mend) from error

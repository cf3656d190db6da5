"""Files that a command writes where its user says, complete or not at all."""

from __future__ import annotations

from pathlib import Path


def write_document(what: str, path: Path, content: bytes) -> None:
    """``what`` its error calls it. Raises InputError if this user may not write there."""
    from pcm.errors import InputError
    from pcm.formats.atomic import atomic_file

    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError(
            f"the {what} cannot be written ({error.strerror})",
            file=str(path),
            mend="give a file in a directory in which this user may write",
        ) from error

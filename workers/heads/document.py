"""A struct that is JSON outside of the program."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec


class Document(msgspec.Struct, frozen=True):
    """``WHAT`` its errors call it; ``MEND`` is what to do about a text that is none.

    Those that do not hold together, a ``__post_init__`` refuses by a ValueError, wherever they are
    made: here, or of a text.
    """

    WHAT: ClassVar[str]
    MEND: ClassVar[str]

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Raises ValueError, which says what is wrong, if this is no such thing."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:  # its messages name the field
            raise ValueError(f"this is no {cls.WHAT}: {error}") from error

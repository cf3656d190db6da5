"""Who a task or a context is: a content hash, with the parts that went into it by name."""

from __future__ import annotations

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """A content hash and its named parts, so that a change can be reported by name."""

    name: str
    digest: str
    parts: dict[str, str]

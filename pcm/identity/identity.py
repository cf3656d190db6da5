"""The content hash of a task or a context, and its named parts."""

from __future__ import annotations

import hashlib
import re

import msgspec

FORMAT = "pcm-identity-1"
COMMIT = "commit of "
"""Parts of this name may appear later: a hub model's commit is known once it was fetched."""
_READABLE = re.compile(r"-?[0-9.e+-]+|True|False|None")


class Identity(msgspec.Struct, frozen=True):
    """A content hash and what went into it.

    ``parts`` maps the readable name of a part (``source``, ``global PROMPT``,
    ``argument 'model'``) to its digest, or to its value where that is a number.
    """

    name: str
    digest: str
    parts: dict[str, str]

    @classmethod
    def of(cls, name: str, parts: dict[str, str]) -> Identity:
        """The identity that these parts make. Their order does not matter."""
        content = msgspec.json.encode([FORMAT, sorted(parts.items())])
        return cls(name, hashlib.blake2b(content, digest_size=16).hexdigest(), parts)

    def changes_since(self, earlier: Identity) -> list[str]:
        """What differs from an earlier identity, a phrase per part; empty if nothing does.

        Compare with this and not by digest: the commit of a hub model is not known before its
        first download, and learning it is no change.
        """
        changes = []
        for part in sorted(self.parts.keys() | earlier.parts.keys()):
            old, new = earlier.parts.get(part), self.parts.get(part)
            if old == new or (part.startswith(COMMIT) and None in (old, new)):
                continue
            if old is None or new is None:
                changes.append(f"{part} is {'new' if old is None else 'gone'}")
            elif _READABLE.fullmatch(old) and _READABLE.fullmatch(new):
                changes.append(f"{part} changed from {old} to {new}")
            else:
                changes.append(f"{part} changed")
        return changes

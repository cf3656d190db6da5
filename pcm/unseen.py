"""Characters that act without being seen, made visible: for whatever shows texts of others."""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def seen(text: str) -> str:
    """With controls, changes of direction and what has no width written as their number, such as
    ``<U+202E>``. Tabs and ends of lines stay."""
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)

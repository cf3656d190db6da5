"""The turns with which most chats of a file begin, such as a system prompt and examples.

They are found once, before the run, and not in each batch: so whether a chat is computed behind a
kept state, which changes its last bits, follows from the file and never from its neighbours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

Turn = dict[str, str]

CHATS_SEEN = 1000
"""So many at a file's beginning tell."""

LEAST_CHATS = 8
"""Fewer are not worth a state."""


def shared_opening(chats: Iterable[Sequence[Turn]]) -> list[Turn]:
    """The longest list of whole turns with which more than half of these chats begin and after
    which they go on; [] if there is none, or there are too few chats."""
    written = [tuple((turn["role"], turn["content"]) for turn in chat) for chat in chats]
    opening: tuple[tuple[str, str], ...] = ()
    while len(written) >= LEAST_CHATS:
        longer = Counter(one[: len(opening) + 1] for one in written if _goes_on(one, opening))
        found, count = max(longer.items(), key=lambda one: one[1], default=((), 0))
        if count <= len(written) / 2:
            break
        opening = found
    return [{"role": role, "content": content} for role, content in opening]


def _goes_on(chat: tuple[object, ...], opening: tuple[object, ...]) -> bool:
    """Whether a chat begins so and has another turn besides its next one."""
    return chat[: len(opening)] == opening and len(chat) > len(opening) + 1

"""Why items of a run failed, in words."""

from __future__ import annotations

from pcm.durations import counted
from pcm.report.failures import Failure, failures

__all__ = ["Failure", "described", "failures"]

SHOWN_CHARACTERS = 200


def described(failure: Failure, *, with_traceback: bool = False) -> str:
    """How many items, what was wrong, and one of them as an example."""
    first = failure.error.splitlines()[0] if failure.error else "no error is known"
    if len(first) > SHOWN_CHARACTERS:
        first = first[: SHOWN_CHARACTERS - 3] + "..."
    line = f"{counted(failure.count, 'item')} {failure.verdict} (such as {failure.key!r}): {first}"
    if not with_traceback:
        return line
    more = (failure.traceback or failure.error).rstrip().splitlines()
    if len(more) < 2:  # an exception that was yielded, not raised, has no traceback
        return line
    return "\n".join([line, *("    " + text for text in more)])

"""The split that plain tensor parallelism makes: equally many heads in a row to every rank."""

from __future__ import annotations

from itertools import pairwise

from workers.heads.plan import Share


def equal_shares(heads: int, ranks: int) -> tuple[tuple[Share, ...], ...]:
    """Of one layer, by rank. Where heads do not divide evenly, ranks differ by one head."""
    borders = [rank * heads // ranks for rank in range(ranks + 1)]
    return tuple(
        tuple(Share(head) for head in range(begin, end)) for begin, end in pairwise(borders)
    )

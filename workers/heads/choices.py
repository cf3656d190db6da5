"""The ways to deal one layer's heads, each with more copies than the one before, and better by it.

With c copies, ranks that have heads in common form at least R - c groups, and a group is balanced
within itself by one copy less than it has ranks: so the best with c copies is found among the ways
to make R - c groups of R ranks and to deal whole heads to groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.heads.bounds import lower_bound
from workers.heads.copying import Shares, wrapped, wrapped_in_rows
from workers.heads.equal import equal_shares
from workers.heads.partition import Partition, partition
from workers.heads.plan import Share, rows_of

WORTH = 0.001
"""Copies are made as long as the most loaded rank is so much above the mean, relatively."""
GROUPING_NODES = 200
"""Steps of the search for each sizes of groups: there are many, and copies level what is left."""


class Choice(NamedTuple):
    """``largest``: tokens per row of the most loaded rank."""

    copies: int
    largest: float
    shares: Shares


def choices(
    loads: Sequence[float], ranks: int, most: int, *, rows: int | None = None
) -> list[Choice]:
    """From no copy up to ``most``, until the mean is reached; each has a smaller ``largest`` than
    all before it. The first is not worse than the equal split."""
    mean = sum(loads) / ranks
    enough = mean * (1 + WORTH)
    found = [_equal(loads, ranks, rows)]
    whole = partition(loads, [1] * ranks, enough=enough)
    if whole.largest < found[0].largest:
        found = [_shared(whole, [1] * ranks, loads, rows)]
    for copies in _counts(min(most, ranks - 1), rows):
        if found[-1].largest <= enough:
            break
        best = found[-1]
        for sizes in group_sizes(ranks, ranks - copies):
            if lower_bound(loads, sizes) >= best.largest:
                continue
            dealt = partition(loads, sizes, nodes=GROUPING_NODES, enough=enough)
            if dealt.largest < best.largest:
                choice = _shared(dealt, sizes, loads, rows)
                best = min(best, choice, key=lambda choice: choice.largest)
        if best.largest < found[-1].largest:
            found = [choice for choice in found if choice.copies < best.copies]
            found.append(best)
    return found


def group_sizes(ranks: int, groups: int, largest: int | None = None) -> Iterator[list[int]]:
    """All ways to write ``ranks`` as a sum of ``groups`` sizes, each once, in falling order."""
    if groups == 0:
        if ranks == 0:
            yield []
        return
    for size in range(min(largest or ranks, ranks - groups + 1), 0, -1):
        for rest in group_sizes(ranks - size, groups - 1, size):
            yield [size, *rest]


def _equal(loads: Sequence[float], ranks: int, rows: int | None) -> Choice:
    return _choice(equal_shares(len(loads), ranks), loads, rows)


def _counts(most: int, rows: int | None) -> list[int]:
    """Of copies to try. Cuts between rows take longer, and groups seldom need all the copies that
    they may have: then powers of two will do."""
    if rows is None:
        return list(range(1, most + 1))
    return sorted({*(1 << power for power in range(most.bit_length())), most} - {0})


def _shared(
    dealt: Partition, sizes: Sequence[int], loads: Sequence[float], rows: int | None
) -> Choice:
    shares: list[tuple[Share, ...]] = []
    for heads, size in zip(dealt.groups, sizes, strict=True):
        if size == 1 or rows is None:
            shares += wrapped(loads, heads, size)
        else:
            shares += wrapped_in_rows(loads, heads, size, rows)[0]
    return _choice(tuple(shares), loads, rows)


def _choice(shares: Shares, loads: Sequence[float], rows: int | None) -> Choice:
    def part(share: Share) -> float:
        return share.stop - share.start if rows is None else len(rows_of(share, rows)) / rows

    largest = max(sum(part(share) * loads[share.head] for share in rank) for rank in shares)
    return Choice(sum(map(len, shares)) - len(loads), largest, shares)

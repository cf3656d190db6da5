"""A sample of the claims in which every label keeps its part."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def sampled(
    claims: Sequence[dict[str, Any]], count: int | None, seed: int = 0
) -> list[dict[str, Any]]:
    """``count`` of the claims, in their order; all of them without a count, or if they are no more.

    Each label, and the claims without one, are represented in proportion (by largest remainders, of
    equal ones the more frequent label first). Within a label a hash of seed and id decides, so that
    the sample is the same on every machine and whatever the order of the file.
    """
    if count is None or count >= len(claims):
        return list(claims)
    strata: dict[str | None, list[int]] = defaultdict(list)
    for index, claim in enumerate(claims):
        strata[claim.get("label")].append(index)
    chosen: set[int] = set()
    for label, size in _sizes({k: len(v) for k, v in strata.items()}, count).items():
        ranked = sorted(strata[label], key=lambda index: _rank(claims[index]["id"], seed))
        chosen.update(ranked[:size])
    return [claim for index, claim in enumerate(claims) if index in chosen]


def _sizes(totals: dict[str | None, int], count: int) -> dict[str | None, int]:
    """How many of each stratum; their sum is ``count``, none more than there are."""
    exact = {
        label: Fraction(total * count, sum(totals.values())) for label, total in totals.items()
    }
    sizes = {label: int(part) for label, part in exact.items()}
    by_remainder = sorted(
        exact, key=lambda label: (sizes[label] - exact[label], -totals[label], str(label))
    )
    for label in by_remainder[: count - sum(sizes.values())]:
        sizes[label] += 1
    return sizes


def _rank(id_: str | int, seed: int) -> bytes:
    return hashlib.sha256(json.dumps([seed, id_]).encode()).digest()

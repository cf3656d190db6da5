"""The sample: of the size asked for, in proportion, and the same everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.fact_verification.sampling import sampled

LABELS = (None, "SUPPORTS", "REFUTES", "NOT ENOUGH INFO")


def claims_of(labels: Sequence[str | None]) -> list[dict[str, Any]]:
    return [
        {"id": index} | ({} if label is None else {"label": label})
        for index, label in enumerate(labels)
    ]


@given(st.lists(st.sampled_from(LABELS)), st.integers(1, 40), st.integers(0, 3))
def test_labels_keep_their_part_to_within_one(
    labels: list[str | None], count: int, seed: int
) -> None:
    claims = claims_of(labels)
    chosen = sampled(claims, count, seed)
    assert len(chosen) == min(count, len(claims))
    assert [claim["id"] for claim in chosen] == sorted({claim["id"] for claim in chosen})
    total, part = Counter(labels), Counter(claim.get("label") for claim in chosen)
    for label in total:
        exact = total[label] * len(chosen) / len(labels)
        assert abs(part[label] - exact) < 1
        assert part[label] <= total[label]


@given(st.permutations(claims_of(["SUPPORTS"] * 9 + ["REFUTES"] * 6)), st.integers(0, 3))
def test_the_order_of_the_file_does_not_matter(claims: list[dict[str, Any]], seed: int) -> None:
    in_order = sorted(claims, key=lambda claim: claim["id"])
    same = sorted(sampled(claims, 7, seed), key=lambda claim: claim["id"])
    assert same == sampled(in_order, 7, seed)


def test_the_seed_decides_and_the_sample_never_changes() -> None:
    claims = claims_of(["SUPPORTS"] * 50 + ["REFUTES"] * 50)
    assert [claim["id"] for claim in sampled(claims, 6)] == [9, 24, 38, 57, 78, 85]
    assert len({tuple(c["id"] for c in sampled(claims, 6, seed)) for seed in range(10)}) == 10


def test_without_a_size_or_with_too_large_a_one_it_is_all() -> None:
    claims = claims_of(["SUPPORTS", "REFUTES", None])
    assert sampled(claims, None) == sampled(claims, 3) == sampled(claims, 9) == claims

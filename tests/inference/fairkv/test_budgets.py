"""What heads keep: the published rules, by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workers.heads.profile import HeadProfile
from workers.inference.fairkv.budgets import Rule, at_work

pytestmark = pytest.mark.models
RULE = Rule(window_tokens=2, pool_tokens=3, floor_share=0.2)


def test_scores_are_the_windows_attention_pooled_over_neighbours() -> None:
    torch.manual_seed(0)
    query, keys = torch.randn(4, 7, 8), torch.randn(2, 7, 8)
    scores = RULE.scores(query, keys, 0.3)
    assert scores.shape == (2, 5)
    for head in range(2):
        mean = torch.zeros(5)
        for of_head in (2 * head, 2 * head + 1):
            for at in (5, 6):
                weights = (query[of_head, at] @ keys[head, : at + 1].T * 0.3).softmax(-1)
                mean += weights[:5] / 4
        pooled = [max(mean[max(0, at - 1) : at + 2]) for at in range(5)]
        torch.testing.assert_close(scores[head], torch.stack(pooled))


def test_heads_compete_for_the_layers_budget_and_have_a_floor() -> None:
    spread_out, on_one = torch.full((20,), 0.05), torch.zeros(20)
    on_one[3] = 1.0
    # Of the 2 x 5 best scores one is the second head's; each has a floor of a fifth of 5.
    assert RULE.counts(torch.stack([spread_out, on_one]), 22, 7) == [
        2 + round(0.8 * 9 + 1),
        2 + round(0.8 * 1 + 1),
    ]


@given(
    st.integers(1, 6), st.integers(0, 40), st.integers(3, 30), st.floats(0, 1), st.integers(0, 99)
)
def test_counts_are_the_budget_on_average_and_what_there_is_at_most(
    heads: int, before: int, budget: int, floor: float, seed: int
) -> None:
    rule = Rule(window_tokens=2, pool_tokens=1, floor_share=floor)
    scores = torch.rand(heads, before, generator=torch.Generator().manual_seed(seed))
    counts = rule.counts(scores, before + 2, budget)
    assert all(2 <= count <= before + 2 for count in counts)
    if before <= budget - 2:
        assert counts == [before + 2] * heads
    else:
        assert abs(sum(counts) - heads * budget) <= heads / 2  # each is rounded
        assert min(counts) >= 2 + round(floor * (budget - 2))


def test_the_window_and_the_best_are_kept_in_their_order() -> None:
    scores = torch.tensor([0.1, 0.9, 0.2, 0.9, 0.3])
    assert RULE.kept(scores, 7, 4).tolist() == [1, 3, 5, 6]
    assert RULE.kept(scores, 7, 3).tolist() == [1, 5, 6]  # of equal ones the first
    assert RULE.kept(scores, 7, 7).tolist() == list(range(7))
    assert RULE.kept(scores, 7, 99).tolist() == list(range(7))
    assert RULE.kept(scores, 7, 1).tolist() == [6]
    assert RULE.kept(scores[:0], 1, 5).tolist() == [0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves nothing beside the window of 2; give more"):
        RULE.counts(torch.rand(2, 9), 11, 2)
    with pytest.raises(ValueError, match="pool_tokens odd"):
        Rule(pool_tokens=4)
    with pytest.raises(ValueError, match="floor_share"):
        Rule(floor_share=1.5)


def test_at_work_heads_keep_the_profiles_means() -> None:
    profile = HeadProfile("m", 8, 3, 100, ((7.6, 0.2), (8.0, 8.4)))
    assert at_work(profile) == ((8, 1), (8, 8))

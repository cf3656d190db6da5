"""The decode part of the evaluation of plans of heads: two real ranks, and the arithmetic."""

from __future__ import annotations

import pytest

from evaluations.fairkv import decoding

pytestmark = pytest.mark.models


def _rounds(step_seconds: float, attention_seconds: float) -> list[dict[str, list[float]]]:
    seconds = {"step": step_seconds, "attention": attention_seconds, "exchange": 0.01}
    return [{f"{what}_seconds": [each] * 2 for what, each in seconds.items()}] * 3


def test_the_share_of_the_predicted_gain_is_of_what_is_gained() -> None:
    found = {
        "loads": {"equal": [[30.0, 10.0], [10.0, 30.0]], "copied": [[20.0, 20.0], [20.0, 20.0]]},
        "rounds": [
            {"equal": _rounds(0.14, 0.09), "copied": _rounds(0.1, 0.08)},
            {"equal": _rounds(0.14, 0.05), "copied": _rounds(0.1, 0.08)},
        ],
        "sum_seconds": [number / 1e3 for number in range(10, 109)],
        "copies": 2,
        "same_tokens": True,
    }
    compared = decoding.compared({"rows": 7}, found)
    assert compared["predicted_gain"] == 1.5
    assert compared["gain"]["median"] == pytest.approx(1.4)
    assert compared["share_of_predicted_gain"] == pytest.approx(0.8)
    assert compared["equal"]["utilisation_by_loads"] == pytest.approx(2 / 3)
    assert compared["copied"]["tokens_per_second"] == pytest.approx(70)
    assert compared["copied"]["share_not_attention"] == pytest.approx(0.2)
    assert compared["copied"]["share_exchanging"] == pytest.approx(0.1)
    assert compared["sum_alone_milliseconds"] == pytest.approx({"p50": 59.0, "p90": 99.0})
    assert compared["attention_slowed_by_each_other"] == pytest.approx(16 / 14)


def test_skewed_cases_are_of_the_budget_and_leave_a_plan_much_to_gain() -> None:
    for kept, is_skewed in decoding.cases().values():
        assert {len(layer) for layer in kept} == {decoding.HEADS}
        if is_skewed:
            half = decoding.HEADS // 2
            sides = [max(sum(layer[:half]), sum(layer[half:])) / sum(layer) for layer in kept]
            assert min(sides) > 0.9


def test_two_ranks_decode_the_same_tokens_by_both_plans() -> None:
    case = decoding.shape([[40, 40, 6, 6], [5, 70, 9, 9]], rounds=1) | {"rows": 6, "hidden": 16}
    found = decoding.run(case)
    assert found["same_tokens"]
    assert min(found["sum_seconds"]) > 0
    spent = [one for rank in found["rounds"] for rounds in rank.values() for one in rounds]
    for one in spent:
        pairs = zip(one["attention_seconds"], one["exchange_seconds"], strict=True)
        for step, parts in zip(one["step_seconds"], pairs, strict=True):
            assert 0 < min(parts) < sum(parts) < step
    assert [len(rank["equal"]) for rank in found["rounds"]] == [1, 1]
    # Half of all: what heads keep, and of 8 tokens of answer half in the mean, for each of 4 heads.
    assert [sum(layer) for layer in found["loads"]["copied"]] == [92 + 16, 93 + 16]


def test_a_rank_that_fails_is_told_with_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"rank \d ended with 1:[\s\S]*KeyError: 'rows'"):
        decoding.run({"kept": [[1, 2]]})

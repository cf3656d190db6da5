"""What the evaluation of the resident engine makes of its measurements."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evaluations.inference import CONTINUOUS, ONE_BY_ONE, PCM, STATIC, figures, targets
from evaluations.inference.texts import answer_lengths, prompt
from evaluations.inference.turns import Turn, in_turns
from tests.evaluations import program


def test_ratios_are_of_one_round_and_static_means_the_best_batch() -> None:
    rates = {
        PCM: [10.0, 20.0],
        ONE_BY_ONE: [1.0, 4.0],
        f"{STATIC} 8": [2.0],
        f"{STATIC} 16": [5.0, 5.0],
    }
    found = figures({"rates": rates, "kind": "verification"})
    assert found["pcm_ratio_to"][ONE_BY_ONE] == {"median": 7.5, "min": 5.0, "max": 10.0}
    assert found["pcm_ratio_to"]["best static batch"]["median"] == 3.0


def test_a_long_prefix_is_expected_to_gain_more() -> None:
    one = {
        "kind": "verification",
        "prefix_tokens": 512,
        "pcm_ratio_to": {ONE_BY_ONE: {"median": 13}},
        "share_of_floor": 0.8,
        "same_labels": 1.0,
        "least_same": 1.0,
        "same_bits_in_other_batches": 1.0,
    }
    assert all(target.met for target in targets({"a": one}))
    assert not all(target.met for target in targets({"a": {**one, "prefix_tokens": 2048}}))
    slow = {"best static batch": {"median": 3}, CONTINUOUS: {"median": 0.9}}
    generation = {"kind": "generation", "pcm_ratio_to": slow, "same_bits_in_other_batches": 0.9}
    assert [target.met for target in targets({"b": generation})] == [True, False, False]


def test_ways_take_turns_and_only_the_fastest_static_size_goes_on() -> None:
    seen: list[str] = []

    def way(name: str, seconds: float) -> Callable[[], Turn]:
        def turn() -> Turn:
            seen.append(name)
            return Turn(6.0, seconds)

        return turn

    slow, fast = f"{STATIC} 8", f"{STATIC} 16"
    ways = {slow: way(slow, 3.0), fast: way(fast, 2.0), PCM: way(PCM, 1.0)}
    assert in_turns(ways, 2) == {slow: [2.0], fast: [3.0, 3.0], PCM: [6.0, 6.0]}
    assert seen == [slow, fast, PCM, fast, PCM]


@pytest.mark.parametrize("tokens", [100, 500])
def test_the_prompt_is_as_long_as_asked(tokens: int) -> None:
    before, after = prompt(tokens, lambda text: len(text.split()))
    assert tokens - 40 < len(before.split()) <= tokens
    assert before.endswith("Claim: ")
    assert after == "\nVerdict:"


def test_lengths_stay_in_bounds() -> None:
    assert set(answer_lengths(50, 5)) <= set(range(1, 6))


@pytest.mark.models
def test_it_prints_its_figures() -> None:
    program.assert_complete(program.quick("inference", timeout_seconds=110)["targets"], 6)

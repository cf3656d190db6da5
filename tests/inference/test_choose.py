"""Every label is scored as by one plain forward pass of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import pytest
import torch

from tests.inference import tiny_models
from tests.inference.conftest import resident
from tests.inference.oracle import score_labels
from tests.inference.tiny_models import LABELS, PREFIX, texts
from workers.inference import Choice
from workers.inference.labels import label_tree
from workers.inference.resident import ResidentModel

pytestmark = pytest.mark.models
TOLERANCE = 1e-4


def check(llm: ResidentModel, prompts: list[str], prefix: str) -> None:
    choices = list(llm.choose(prompts, LABELS, prefix))
    assert len(choices) == len(prompts)
    for prompt, choice in zip(prompts, choices, strict=True):
        assert isinstance(choice, Choice), choice
        expected = score_labels(llm.model, llm.tokenizer, prefix + prompt, LABELS)
        assert choice.scores == pytest.approx(expected, abs=TOLERANCE)
        assert choice.label == max(expected, key=expected.__getitem__)
        assert choice.prompt_tokens == len(llm.tokenizer(prefix + prompt)["input_ids"])


@pytest.mark.parametrize("prefix", ["", PREFIX])
@pytest.mark.parametrize("pass_tokens", [32, 64, 256])
def test_scores_are_those_of_one_plain_pass_per_label(prefix: str, pass_tokens: int) -> None:
    check(resident(pass_tokens=pass_tokens), texts(30), prefix)


@pytest.mark.parametrize(
    "make", [tiny_models.gpt2, tiny_models.bloom, lambda: tiny_models.mistral(24)]
)
def test_other_architectures_score_the_same(make: Callable[[], Any]) -> None:
    check(resident(make()), texts(12), PREFIX)


def test_labels_have_several_tokens_and_share_beginnings(llm: ResidentModel) -> None:
    lengths = [len(llm.tokenizer(label)["input_ids"]) for label in LABELS]
    assert min(lengths) == 1
    assert max(lengths) > 4


def test_shared_beginnings_of_labels_are_computed_once(llm: ResidentModel) -> None:
    tree = label_tree(llm.tokenizer, LABELS)
    beginnings = {tokens[:end] for tokens in tree.tokens for end in range(1, len(tokens))}
    assert len(tree.inputs) == len(beginnings) < sum(len(tokens) - 1 for tokens in tree.tokens)


@pytest.mark.parametrize("normalisation", ["sum", "mean"])
def test_scores_per_token_and_against_a_baseline(
    llm: ResidentModel, normalisation: Literal["sum", "mean"]
) -> None:
    lengths = {label: len(tokens) for label, tokens in zip(LABELS, _tokens(llm), strict=True)}
    prompts = texts(5, seed=8)
    given: dict[str, Any] = {"normalisation": normalisation, "baseline": "nothing\n"}
    base = score_labels(llm.model, llm.tokenizer, PREFIX + "nothing\n", LABELS)
    for prompt, choice in zip(prompts, llm.choose(prompts, LABELS, PREFIX, **given), strict=True):
        assert isinstance(choice, Choice)
        plain = score_labels(llm.model, llm.tokenizer, PREFIX + prompt, LABELS)
        expected = {
            label: (plain[label] - base[label]) / (lengths[label] if normalisation == "mean" else 1)
            for label in LABELS
        }
        assert choice.scores == pytest.approx(expected, abs=2 * TOLERANCE)
        assert choice.label == max(expected, key=expected.__getitem__)


def _tokens(llm: ResidentModel) -> tuple[tuple[int, ...], ...]:
    return label_tree(llm.tokenizer, LABELS).tokens


def test_a_wrong_normalisation_or_baseline_is_told_at_the_call(llm: ResidentModel) -> None:
    with pytest.raises(ValueError, match=r"sum.*mean"):
        llm.choose(["the river"], LABELS, normalisation=cast(Any, "median"))
    with pytest.raises(ValueError, match=r"baseline cannot be scored: .*empty"):
        llm.choose(["the river"], LABELS, baseline="")


def test_choices_differ_from_text_to_text(llm: ResidentModel) -> None:
    choices = llm.choose(texts(60), [" river", " town", " salt"])
    assert len({choice.label for choice in choices if isinstance(choice, Choice)}) == 3


def test_scores_are_log_likelihoods_and_probabilities_their_softmax(llm: ResidentModel) -> None:
    (choice,) = llm.choose(["the river"], LABELS)
    assert isinstance(choice, Choice)
    assert all(score < 0 for score in choice.scores.values())
    exponentials = torch.tensor(list(choice.scores.values())).softmax(0).tolist()
    assert list(choice.probabilities.values()) == pytest.approx(exponentials)
    assert max(choice.probabilities, key=choice.probabilities.__getitem__) == choice.label


def test_bad_items_are_errors_of_their_own_and_the_others_are_answered(llm: ResidentModel) -> None:
    long = "the " * (tiny_models.POSITIONS + 1)
    items: list[Any] = ["", "the river", long, 7, "\ud800", "a town"]
    empty, good, too_long, number, surrogate, last = llm.choose(items, LABELS)
    assert isinstance(good, Choice)
    assert isinstance(last, Choice)
    assert "the prompt is empty" in str(empty)
    tokens = len(llm.tokenizer(long)["input_ids"])
    assert f"{tokens} tokens" in str(too_long)
    assert f"at most {tiny_models.POSITIONS}" in str(too_long)
    assert "not text but int" in str(number)
    assert "not valid Unicode" in str(surrogate)
    assert all(isinstance(bad, ValueError) for bad in (empty, too_long, number, surrogate))


def test_the_longest_prompt_that_fits_is_scored(llm: ResidentModel) -> None:
    longest = max(len(llm.tokenizer(label)["input_ids"]) for label in LABELS)
    fitting = " the" * (tiny_models.POSITIONS - longest)
    good, bad = llm.choose([fitting, fitting + " the"], LABELS)
    assert isinstance(good, Choice)
    assert isinstance(bad, ValueError)


def test_no_items_give_no_choices(llm: ResidentModel) -> None:
    assert list(llm.choose([], LABELS)) == []


@pytest.mark.parametrize(
    ("labels", "message"),
    [([], "at least one"), ([" a", " b", " a"], "more than once"), ([" a", ""], "no tokens")],
)
def test_unusable_labels_are_refused(llm: ResidentModel, labels: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        llm.choose(["the river"], labels)


@pytest.mark.parametrize("make", [tiny_models.llama, tiny_models.bloom])
def test_damaged_weights_are_an_error_and_no_label(make: Callable[[], Any]) -> None:
    model = make()
    next(model.parameters()).data.fill_(float("nan"))
    (choice,) = resident(model).choose(["the river"], LABELS, PREFIX)
    assert isinstance(choice, ValueError)
    assert "not a finite number" in str(choice)


def test_a_prefix_that_fills_the_model_is_an_error_of_each_item(llm: ResidentModel) -> None:
    choices = list(llm.choose(["a", "b"], LABELS, "the " * 300))
    assert all("at most 256" in str(choice) for choice in choices)
    assert len(choices) == 2

"""A trial on two layers finds what a trial on all of them finds, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from workers.inference.plain import takes_cascades
from workers.inference.shortened import LAYERS, TOKENS, shortened

pytestmark = pytest.mark.models


def test_it_is_short_meanwhile_and_whole_afterwards() -> None:
    model = tiny_models.llama(num_hidden_layers=6)
    ids = torch.tensor([[3, 5, 7]])
    with torch.inference_mode():
        before = model(ids).logits
    names = [name for name, _ in model.named_parameters()]
    with shortened(model) as short:
        assert short is model
        assert len(model.model.layers) == LAYERS
        with torch.inference_mode():
            few = model(ids).logits
        assert few.shape == (1, 3, TOKENS)
        assert not torch.equal(few, before[..., :TOKENS])
    with pytest.raises(KeyError), shortened(model):
        raise KeyError
    assert [name for name, _ in model.named_parameters()] == names
    with torch.inference_mode():
        assert torch.equal(model(ids).logits, before)


@pytest.mark.parametrize("tied", [False, True])
def test_output_tokens_are_the_first_of_the_vocabulary(tied: bool) -> None:
    model = tiny_models.llama(tie_word_embeddings=tied)
    ids = torch.tensor([[3, 5, 7]])
    with torch.inference_mode():
        before = model(ids).logits
        with shortened(model):
            torch.testing.assert_close(model(ids).logits, before[..., :TOKENS])
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied


def test_layers_that_are_not_alike_are_all_kept() -> None:
    model = tiny_models.gemma2()
    with shortened(model):
        assert len(model.model.layers) == 4
    model = tiny_models.llama(num_hidden_layers=4)
    model.model.layers[3].self_attn.scaling *= 2
    with shortened(model):
        assert len(model.model.layers) == 4


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: tiny_models.llama(num_hidden_layers=6), True),
        (tiny_models.gpt2, True),
        (tiny_models.bloom, False),
        (lambda: tiny_models.mistral(24), True),
    ],
    ids=["llama", "gpt2", "bloom", "mistral"],
)
def test_the_finding_is_the_same(make: Callable[[], Any], expected: bool) -> None:
    model = make()
    assert takes_cascades(model) is expected
    with shortened(model):
        assert takes_cascades(model) is expected

"""Grammars over the tokens of a tokenizer: which are allowed, and where that cannot be said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import llguidance
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.inference import tiny_models
from workers.inference import Form
from workers.inference.constraint import Constraint
from workers.inference.continuation import Continuation
from workers.inference.grammar import Grammars
from workers.inference.sampling import Sampling

pytestmark = pytest.mark.models
ENDS = {0, None}


def grown(constraint: Constraint, seed: int = 0, size: int = 400, limit: int = 200) -> str:
    """An answer by random logits."""
    generator = torch.Generator().manual_seed(seed)
    tokens: list[int] = []
    while len(tokens) < limit:
        token = int(constraint.mask(torch.randn(size, generator=generator)).argmax())
        if token == 0:
            break
        tokens.append(token)
        if constraint.accept(token):
            break
    return constraint.decode(tokens)


def words() -> Any:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["<end>", "<unk>"], show_progress=False)
    tokenizer.train_from_iterator([tiny_models.TEXT], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


def sentence_pieces() -> Any:
    """As Llama 2 has them: a space is a part of the next word, and the first one is not shown."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    spaces = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(spaces)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=380,
        special_tokens=["<end>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    tokenizer.train_from_iterator([tiny_models.TEXT] * 5, trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][:2]  # the bytes are tokens like any other
    tokenizer = Tokenizer.from_str(json.dumps(state))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars(tiny_models.tokenizer(), ENDS)


@settings(max_examples=60)
@given(
    choices=some.lists(some.text(max_size=8).filter(lambda text: text.isprintable()), min_size=1),
    seed=some.integers(0, 1000),
)
def test_whatever_the_choices_one_of_them_is_taken(
    grammars: Grammars, choices: list[str], seed: int
) -> None:
    assert grown(grammars.constraint({"choice": choices}), seed) in choices


def test_first_spaces_are_kept_where_a_tokenizer_takes_them_away() -> None:
    tokenizer = sentence_pieces()
    grammars = Grammars(tokenizer, ENDS)
    assert tokenizer.decode(tokenizer.convert_tokens_to_ids(["▁to", "w", "n"])) == "town"
    form: Form = {"choice": [" town", "town", "  zoo"]}
    found = {grown(grammars.constraint(form), seed) for seed in range(40)}
    assert found == {" town", "town", "  zoo"}


def test_a_grammar_is_compiled_once(grammars: Grammars) -> None:
    before = grammars._kept.cache_info().misses
    for _ in range(3):
        grammars.constraint({"regex": "only here [0-9]"})
    assert grammars._kept.cache_info().misses == before + 1


def test_nobody_fails_by_what_those_before_have_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matchers of one form share the states they have seen, of which there may be a limited
    number. Each of these meets new ones: all together far more than the limit."""
    few = partial(llguidance.LLParserLimits, max_lexer_states=400)
    monkeypatch.setattr(llguidance, "LLParserLimits", few)
    grammars = Grammars(tiny_models.tokenizer(), ENDS)
    form: Form = {"regex": "[ab]*a[ab]{14}c"}
    together = [grown(grammars.constraint(form), seed, limit=40) for seed in range(20)]
    alone = [
        grown(Grammars(tiny_models.tokenizer(), ENDS).constraint(form), seed, limit=40)
        for seed in range(20)
    ]
    assert together == alone
    assert len(set(together)) == 20


def test_a_continuation_that_restarts_grows_in_the_same_way(grammars: Grammars) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(60, 400, generator=generator)
    constraint = grammars.constraint({"json": {"type": "array", "items": {"type": "integer"}}})
    sampling = Sampling(60, temperature=1.0, seed=3)
    item = Continuation(0, [5], sampling, tiny_models.tokenizer(), {0}, constraint)
    assert not item.takes_the_best
    tries = []
    for steps in (4, 60, 60):
        item.restart()
        for row in logits[:steps]:
            if item.finish_reason is None:
                item.grow(row)
        tries.append(item.tokens)
    assert tries[1] == tries[2]
    assert tries[0] == tries[1][:4]
    assert item.finish_reason


@pytest.mark.parametrize(
    ("make", "ends", "message"),
    [
        (words, {0}, "a fast tokenizer whose tokens are pieces of bytes; the model's is another"),
        (tiny_models.tokenizer, {None}, "no end-of-text token"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_says_why(
    make: Callable[[], Any], ends: set[int | None], message: str
) -> None:
    grammars = Grammars(make(), ends)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            grammars.constraint({"regex": "a"})


def test_a_missing_library_names_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance.hf", None)
    grammars = Grammars(tiny_models.tokenizer(), ENDS)
    with pytest.raises(ValueError, match="pip install 'pcm\\[inference\\]'"):
        grammars.constraint({"regex": "a"})

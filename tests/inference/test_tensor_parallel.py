"""A model split over ranks answers as the whole one does, on every rank, and to the bit whatever is
beside an item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import transformers
from torch import nn

from tests.inference import tiny_models
from tests.inference.rank_processes import RankFailed, on_ranks
from workers.inference import load, load_encoder, ranks
from workers.inference.base import Choice, Generation
from workers.inference.memory import cache_bytes_per_token
from workers.inference.ranks import Ranks
from workers.inference.resident import ResidentModel
from workers.inference.tensor_parallel import split

pytestmark = pytest.mark.timeout(300)  # As many processes as ranks, each with all of torch.

DEMO = Path(__file__).parents[2] / "apps" / "fact_verification" / "demo" / "model"
SIZES: dict[str, Any] = {"pass_tokens": 64, "slots": 4}
NEW_TOKENS = 6
TURNS = [[{"role": "user", "content": text}] for text in tiny_models.texts(2, seed=5)]
ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.5}

Answers = tuple[list[Choice], list[Generation], list[Generation]]


def _answers(llm: ResidentModel, count: int = 8) -> Answers:
    """Of all three methods, with a prefix and without."""
    texts = tiny_models.texts(count)
    chosen: list[Any] = list(llm.choose(texts, tiny_models.LABELS, prefix=tiny_models.PREFIX))
    sampled: list[Any] = list(llm.generate(texts, NEW_TOKENS, [0.0, 0.9] * (count // 2), seed=3))
    chats: list[Any] = list(llm.chat(TURNS, NEW_TOKENS, template="plain"))
    return chosen, sampled, chats


def _on_a_rank(directories: list[Path], dtype: str = "auto") -> list[tuple[Answers, bool, int]]:
    """By model: its answers, whether the fast ways are its own, and how many numbers are here."""
    found = []
    for directory in directories:
        llm = load(str(directory), dtype=dtype, **SIZES)
        answers = _answers(llm)
        here = sum(weight.numel() for weight in llm.model.parameters())
        found.append((answers, llm.takes_cascades, here))
    return found


def _saved(models: dict[str, Any], place: Path) -> list[Path]:
    for name, model in models.items():
        model.save_pretrained(place / name)
        tiny_models.tokenizer().save_pretrained(place / name)
    return [place / name for name in models]


def _of(config: Any, **changes: Any) -> Any:
    """A small model of another architecture, with biases where it has them that are not 0."""
    settings = dict.fromkeys(("bos_token_id",), None) | dict.fromkeys(
        ("eos_token_id", "pad_token_id"), 0
    )
    sizes = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256}
    torch.manual_seed(1)
    vocabulary = len(tiny_models.tokenizer())
    made = config(vocab_size=vocabulary, **settings, **sizes, **heads, **changes)
    model = transformers.AutoModelForCausalLM.from_config(made)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.mul_(6)
            elif name.endswith("bias"):
                weight.normal_(std=0.1)
    return model.eval()


def _assert_alike(split_: Answers, whole: Answers, tolerance: float) -> None:
    for mine, one in zip(split_[0], whole[0], strict=True):
        assert mine.label == one.label
        assert mine.scores == pytest.approx(one.scores, abs=tolerance)
    assert [answer.tokens for part in split_[1:] for answer in part] == [
        answer.tokens for part in whole[1:] for answer in part
    ]


def test_a_split_model_answers_as_the_whole_one_on_every_rank(tmp_path: Path) -> None:
    models = {
        "llama": tiny_models.llama(),
        "odd words": tiny_models.llama(vocab_size=len(tiny_models.tokenizer()) + 1),
        "tied": tiny_models.llama(tie_word_embeddings=True, attention_bias=True, mlp_bias=True),
        "qwen2": _of(transformers.Qwen2Config),
        "qwen3": _of(transformers.Qwen3Config, head_dim=8),
        "phi3": _of(transformers.Phi3Config),
        "olmo2": _of(transformers.Olmo2Config),
        "mistral": tiny_models.mistral(window=40),
        "mixtral": tiny_models.mixtral(),
        "gemma2": tiny_models.gemma2(),
    }
    directories = [DEMO, *_saved(models, tmp_path)]
    by_rank = on_ranks(2, _on_a_rank, directories)
    for directory, first, second in zip(directories, *by_rank, strict=True):
        llm = load(str(directory), **SIZES)
        assert first == second, directory.name
        answers, takes_cascades, here = first
        assert takes_cascades == llm.takes_cascades, directory.name
        _assert_alike(answers, _answers(llm), ROUNDING[torch.float32])
        assert here < 0.6 * sum(weight.numel() for weight in llm.model.parameters())


def _bits_beside_others(directory: Path) -> list[bool]:
    return [_are_alike(directory, dtype) for dtype in ("float32", "bfloat16")]


def _are_alike(directory: Path, dtype: str) -> bool:
    """Whether items have the same answers alone, in the other order, and among all."""
    llm = load(str(directory), dtype=dtype, **SIZES)
    texts = tiny_models.texts(8, seed=2)

    def ask(some: list[str]) -> list[Any]:
        chosen = llm.choose(some, tiny_models.LABELS, prefix=tiny_models.PREFIX)
        return list(zip(chosen, llm.generate(some, NEW_TOKENS, 0.9), strict=True))

    together = ask(texts)
    alone = [answer for text in texts[:3] for answer in ask([text])]
    return alone == together[:3] and ask(texts[::-1])[::-1] == together


@pytest.mark.parametrize("count", [2, 3])
def test_bits_do_not_depend_on_neighbours(tmp_path: Path, count: int) -> None:
    model = tiny_models.llama(num_attention_heads=2 * count, num_key_value_heads=count)
    (directory,) = _saved({"llama": model}, tmp_path)
    assert on_ranks(count, _bits_beside_others, directory) == [[True, True]] * count


def _problem(kind: str, directory: Path) -> str:
    loader = load_encoder if kind == "encoder" else load
    # Of the last two kinds, what one rank is asked for the other is not.
    is_first = ranks.here().rank == 0
    place = directory / "nowhere" if kind == "one fails" and is_first else directory
    dtype = "bfloat16" if kind == "two kinds" and is_first else "float32"
    try:
        loader(str(place), dtype=dtype)
    except (ValueError, OSError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _problems(directories: dict[str, Path]) -> dict[str, str]:
    return {kind: _problem(kind, directory) for kind, directory in directories.items()}


def test_what_cannot_be_split_is_refused_on_all_ranks(tmp_path: Path) -> None:
    models = {
        "no plan": tiny_models.gpt2(),
        "one key head": tiny_models.llama(num_key_value_heads=1),
        "odd": tiny_models.llama(intermediate_size=95),
        "encoder": tiny_models.llama(),
    }
    directories = dict(zip(models, _saved(models, tmp_path), strict=True))
    directories |= dict.fromkeys(("one fails", "two kinds"), DEMO)
    first, second = on_ranks(2, _problems, directories)
    told = {kind: text for kind, text in second.items() if first[kind] == text}
    assert "no plan to split a GPT2LMHeadModel; declare its context with ranks=1" in told["no plan"]
    assert "num_key_value_heads is 1, which 2 ranks cannot share evenly" in told["one key head"]
    assert "a dimension of 95 is not divisible" in told["odd"]
    assert "encoder, which is not split over 2 ranks" in told["encoder"]
    assert "the ranks have loaded different models" in told["two kinds"]
    assert "FileNotFoundError" in first["one fails"]
    assert "failed on another rank" in second["one fails"]


def test_counts_that_fit_are_named() -> None:
    network = tiny_models.llama(num_attention_heads=12, num_key_value_heads=4)
    with pytest.raises(ValueError, match=r"cannot be split over 3 ranks.* over 2 or 4, or declare"):
        split(network, Ranks(0, 3), torch.device("cpu"), "a model")


def test_what_is_refused_is_left_as_it_was() -> None:
    network = tiny_models.llama(num_key_value_heads=1)
    before = dict(network.named_parameters())
    with pytest.raises(ValueError, match="num_key_value_heads"):
        split(network, Ranks(0, 2), torch.device("cpu"), "a model")
    assert dict(network.named_parameters()) == before


def test_parts_make_the_whole() -> None:
    whole = tiny_models.llama(tie_word_embeddings=True)
    parts = []
    for rank in range(2):
        part = tiny_models.llama(tie_word_embeddings=True)
        split(part, Ranks(rank, 2), torch.device("cpu"), "a model")
        parts.append(part)
        assert part.lm_head.weight is part.model.embed_tokens.weight
        assert cache_bytes_per_token(part) * 2 == cache_bytes_per_token(whole)
    one, other = (part.model.layers[1] for part in parts)
    of = whole.model.layers[1]
    for path, dimension in (("self_attn.k_proj", 0), ("self_attn.o_proj", 1), ("mlp.up_proj", 0)):
        halves = [half.get_submodule(path).weight for half in (one, other)]
        assert torch.equal(torch.cat(halves, dimension), of.get_submodule(path).weight)
    assert isinstance(one.mlp.down_proj, nn.Linear)
    assert one.mlp.down_proj.in_features == of.mlp.down_proj.in_features // 2


def _sizes_of_the_poorest(directory: Path, known: Path) -> Any:
    """With less memory on one rank, and a memo that only one of them reads in time."""
    from workers.inference import memo, memory

    rank = ranks.here().rank
    memory.free_bytes = lambda device: (1 << 30) >> (3 * rank)
    if rank == 1:
        known = {"takes_cascades": False, "rungs": {"512": []}}
        patch.object(memo.Memo, "_read", lambda self: known).start()  # this process ends with it
    llm = load(str(directory))
    list(llm.choose(["a river"], [" true", " false"]))
    sizes = llm.sizes
    return sizes.packing, sizes.prefix_bytes, sizes.cache_bytes, sizes.graphs, llm.takes_cascades


def test_sizes_and_what_is_known_are_the_same_on_all_ranks(tmp_path: Path) -> None:
    first, second = on_ranks(2, _sizes_of_the_poorest, DEMO, tmp_path)
    assert first == second
    assert first[1] == int((1 << 27) // 2 * 0.2)
    assert first[3].refused
    assert first[4]


def _run_out_on_rank_1(directory: Path) -> None:
    from workers.inference import scoring

    llm = load(str(directory))
    list(llm.choose(["a river"], [" true", " false"]))
    if ranks.here().rank == 1:

        def no_memory(*_: Any) -> Any:
            raise torch.OutOfMemoryError("CUDA out of memory")

        scoring.score = no_memory
    list(llm.choose(["a river"], [" true", " false"]))


def test_a_rank_without_memory_ends_and_the_next_replica_has_smaller_passes(
    tmp_path: Path,
) -> None:
    own_cache = {"XDG_CACHE_HOME": str(tmp_path)}
    with pytest.raises(RankFailed, match="rank 1 of 2 ends: memory ran out"):
        on_ranks(2, _run_out_on_rank_1, DEMO, environment=own_cache)
    (memo,) = (tmp_path / "pcm" / "models").glob("*-2r.json")
    assert json.loads(memo.read_text())["pass_tokens"] == 256

"""Vectors are those of the model's own pass, pooled as its files say, whatever is beside a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from tests.inference import tiny_models
from tests.inference.tiny_models import texts
from workers.inference import load_encoder
from workers.inference.embed import ResidentEncoder
from workers.inference.memory import sizes
from workers.inference.pooling import Pooling, read_pooling

pytestmark = pytest.mark.models
POSITIONS = 80


def encoder(kind: str, dtype: torch.dtype = torch.float32, pooling: Pooling | None = None) -> Any:
    torch.manual_seed(0)
    make, config = {"bert": (BertModel, BertConfig), "roberta": (RobertaModel, RobertaConfig)}[kind]
    model = make(
        config(
            vocab_size=len(tiny_models.tokenizer()),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=POSITIONS,
            pad_token_id=1,
        )
    )
    network = model.eval().to(dtype)
    allowed = sizes(network, 1, pass_tokens=64)
    return ResidentEncoder(network, tiny_models.tokenizer(), pooling or Pooling("mean"), allowed)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("pooled", ["mean", "cls"])
def test_vectors_are_those_of_one_plain_pass_per_text(kind: str, pooled: Any) -> None:
    one = encoder(kind, pooling=Pooling(pooled, normalised=True))
    assert one._offset == (2 if kind == "roberta" else 0)
    given = texts(20, longest_words=25)
    for text, vector in zip(given, one.embed(given), strict=True):
        ids = torch.tensor([tiny_models.tokenizer()(text)["input_ids"]])
        with torch.inference_mode():
            states = one.model(ids).last_hidden_state[0]
        expected = states[0] if pooled == "cls" else states.mean(0)
        assert vector == pytest.approx((expected / expected.norm()).tolist(), abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_vectors_do_not_depend_on_neighbours(dtype: torch.dtype) -> None:
    one, given = encoder("bert", dtype), texts(15, longest_words=20)
    together = list(one.embed(given))
    assert list(one.embed(given[::-1])) == together[::-1]
    assert [vector for text in given for vector in one.embed([text])] == together


def test_bad_texts_are_errors_of_their_own() -> None:
    one = encoder("roberta")
    bad: list[Any] = ["", "the " * POSITIONS, 7, "the river"]
    empty, long, number, good = one.embed(bad)
    assert "has 0 tokens" in str(empty)
    assert f"takes 1 to {POSITIONS - 2}" in str(long)
    assert "not text" in str(number)
    assert isinstance(good, list)


def write(directory: Path, pooling: dict[str, Any], *more: str) -> None:
    kinds = ["Transformer", "Pooling", *more]
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": f"{at}_{kind}" if at else ""}
        for at, kind in enumerate(kinds)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir(exist_ok=True)
    (directory / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (directory / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')


def test_pooling_is_what_the_models_files_say(tmp_path: Path) -> None:
    assert read_pooling(tmp_path) == Pooling("mean")
    write(tmp_path, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False})
    assert read_pooling(tmp_path) == Pooling("cls", most_tokens=256)
    write(tmp_path, {"pooling_mode_mean_tokens": True}, "Normalize")
    assert read_pooling(tmp_path) == Pooling("mean", normalised=True, most_tokens=256)


@pytest.mark.parametrize(
    ("pooling", "more", "message"),
    [
        ({"pooling_mode_max_tokens": True}, (), "pools by pooling_mode_max_tokens"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, (), "only mean or"),
        ({"pooling_mode_mean_tokens": True}, ("Dense",), r"\['Dense'\]"),
    ],
)
def test_other_ways_of_pooling_are_refused(
    tmp_path: Path, pooling: dict[str, Any], more: tuple[str, ...], message: str
) -> None:
    write(tmp_path, pooling, *more)
    with pytest.raises(ValueError, match=message):
        read_pooling(tmp_path)


def test_an_encoder_is_loaded_from_its_directory(tmp_path: Path) -> None:
    one = encoder("bert")
    one.model.save_pretrained(tmp_path)
    one.tokenizer.save_pretrained(tmp_path)
    write(tmp_path, {"pooling_mode_cls_token": True}, "Normalize")
    loaded = load_encoder(str(tmp_path), device="cpu")
    assert loaded.pooling == Pooling("cls", normalised=True, most_tokens=256)
    assert loaded.most_tokens == POSITIONS
    (vector,) = loaded.embed(["the river"])
    expected = encoder("bert", pooling=Pooling("cls", normalised=True)).embed(["the river"])
    assert vector == pytest.approx(next(expected), abs=1e-5)


def test_what_is_no_encoder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_encoder(str(tmp_path / "nowhere"))
    encoder("bert").model.save_pretrained(tmp_path)
    tiny_models.tokenizer().save_pretrained(tmp_path)
    write(tmp_path, {"pooling_mode_max_tokens": True})
    with pytest.raises(ValueError, match=r"cannot be loaded as an encoder.*pools by"):
        load_encoder(str(tmp_path), device="cpu")

"""Loading: from a directory, quietly, with errors that say what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.inference import tiny_models
from workers.inference import Choice, load

pytestmark = pytest.mark.models


def test_a_directory_is_loaded_without_a_word(
    model_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    llm = load(str(model_directory))
    (choice,) = llm.choose(["the river"], [" a", " b"])
    assert isinstance(choice, Choice)
    assert str(model_directory) in repr(llm)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("auto", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16")],
)
def test_the_type_of_the_weights(model_directory: Path, dtype: str, expected: str) -> None:
    tiny_models.llama(dtype=torch.bfloat16).save_pretrained(model_directory)
    assert f"torch.{expected}" in repr(load(str(model_directory), dtype=dtype, device="cpu"))


def test_threads_follow_the_environment(
    model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        load(str(model_directory))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_hub_id_offline_names_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"nothing' is neither a directory.*offline"):
        load("nobody/nothing")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(str(tmp_path / "nowhere"))


def test_a_truncated_model(model_directory: Path) -> None:
    weights = model_directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="bytes where its header promises"):
        load(str(model_directory))


def test_weights_that_do_not_fit_the_configuration(model_directory: Path) -> None:
    file = model_directory / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ValueError, match=r"do not fit its config\.json: \d+ tensors are missing"):
        load(str(model_directory))
    file.write_text(json.dumps({**config, "intermediate_size": 95}))
    with pytest.raises(ValueError, match=r"intermediate|shape|size"):
        load(str(model_directory))


@pytest.mark.parametrize("kind", ["t5", "no-such-model"])
def test_a_model_that_is_no_causal_language_model(model_directory: Path, kind: str) -> None:
    (model_directory / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ValueError, match="cannot be loaded as a causal language model"):
        load(str(model_directory))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "int3"}, "dtype 'int3' is unknown"),
        ({"device": "warp"}, "device 'warp' is not usable"),
        ({"pass_tokens": 31}, "pass_tokens must be at least 32"),
        ({"slots": 0}, "slots must be at least 1"),
    ],
)
def test_arguments_that_make_no_sense(
    model_directory: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(str(model_directory), **arguments)


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, workers.inference; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

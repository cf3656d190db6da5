"""Loading a causal language model or an encoder from a directory or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from transformers import AutoModel, AutoTokenizer

from workers.inference.checkpoint import (
    explained,
    is_offline,
    number_type,
    read_checkpoint,
    source_of,
)
from workers.inference.embed import ResidentEncoder
from workers.inference.memo import memo_of
from workers.inference.memory import sizes
from workers.inference.packing import default_slots
from workers.inference.pooling import read_pooling
from workers.inference.preparing import prepared
from workers.inference.ranks import here, join, same, together
from workers.inference.resident import ResidentModel
from workers.inference.tensor_parallel import split

SMALL_MODEL_PARAMETERS = 20_000_000
ENCODER_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")


def load(
    model: str,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    *,
    pass_tokens: int | None = None,
    slots: int | None = None,
) -> ResidentModel:
    """Load a causal language model in the Hugging Face layout, with its tokenizer.

    ``model`` is a directory or a hub id, ``revision`` a branch, tag or commit of a hub id.
    ``dtype="auto"`` means float32 on a CPU and the checkpoint's own type on an accelerator;
    ``device="auto"`` the first accelerator if there is one. ``pass_tokens`` is the number of tokens
    that a forward pass of `choose` holds (by default as many as pay and memory allows: see
    `workers.inference.memory`), ``slots`` the number of items that decode together; the last bits
    of the answers depend on them, and on nothing else in a batch.

    On several ranks of a replica (`workers.inference.ranks`) the model is split over them: each has
    to load it with the same arguments, and to ask it the same things in the same order.

    Raises FileNotFoundError for what is not there and ValueError for what is there but is no
    model, is damaged, cannot be split, or does not fit the arguments; the message says how to mend
    it.
    """
    target = prepared(dtype, device)
    count = default_slots(target.type, slots)
    ranks = join(target)
    with together(f"loading {model}"):
        # What is split is cut on the host first, so that a GPU need not hold it in whole.
        is_split = ranks.count > 1
        network, tokenizer = read_checkpoint(model, revision, dtype, target, on_host=is_split)
        if is_split:
            split(network, ranks, target, model)
        network = _placed(network, target)
    memo = memo_of(model, network)
    if not same(memo.name.encode()):
        raise ValueError(
            f"the ranks have loaded different models as {model}, or are on different devices or "
            "versions of torch; give all of them the same"
        )
    return ResidentModel(
        network, tokenizer, sizes(network, count, pass_tokens=pass_tokens, memo=memo), name=model
    )


def load_encoder(
    model: str, revision: str | None = None, dtype: str = "auto", device: str = "auto"
) -> ResidentEncoder:
    """Load an encoder in the layout of Hugging Face or sentence-transformers; how its tokens are
    pooled is read from its files. Arguments and errors are those of `load`."""
    if (count := here().count) > 1:
        raise ValueError(
            f"{model} is an encoder, which is not split over {count} ranks: declare its context "
            "with ranks=1, and more workers"
        )
    target = prepared(dtype, device)
    source = source_of(model)
    try:
        if isinstance(source, str):
            source = Path(
                snapshot_download(
                    source,
                    revision=revision,
                    local_files_only=is_offline(),
                    allow_patterns=list(ENCODER_FILES),
                )
            )
        pooling = read_pooling(source)
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
        network = AutoModel.from_pretrained(
            source, dtype=number_type(dtype, target), use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise explained(model, source, error, "an encoder") from error
    network = _placed(network, target)
    allowed = sizes(network, slots=1, memo=memo_of(model, network))
    return ResidentEncoder(network, tokenizer, pooling, allowed)


def _placed(network: Any, target: torch.device) -> Any:
    """On its device, ready to answer."""
    if target.type == "cpu":
        _share_threads(network)
    return network.to(target).eval()


def _share_threads(network: torch.nn.Module) -> None:
    """One thread for a small model: its operations are too short to be divided. Measured with one
    million parameters on two cores, per claim: 2.4 ms with one thread, 2.7 with two that spin,
    6.0 with two that sleep; beside another busy process 2.3, 6.7 and 3.0."""
    if sum(weight.numel() for weight in network.parameters()) < SMALL_MODEL_PARAMETERS:
        torch.set_num_threads(1)

"""Loading a causal language model or an encoder from a directory or the hub."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import snapshot_download
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

from workers.inference.arrival import Arrival
from workers.inference.assembling import assembled
from workers.inference.device_copy import CudaCopier
from workers.inference.embed import ResidentEncoder
from workers.inference.files import check_directory, looks_like_path
from workers.inference.memo import memo_of
from workers.inference.memory import sizes
from workers.inference.packing import default_slots
from workers.inference.pooling import read_pooling
from workers.inference.ranks import Ranks, here, join, same, together
from workers.inference.ranks import device as own_device
from workers.inference.resident import ResidentModel
from workers.inference.tensor_parallel import split
from workers.inference.tokenizing import load_tokenizer

SMALL_MODEL_PARAMETERS = 20_000_000
DTYPES = ("auto", "float32", "bfloat16", "float16")
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
    target = _prepared(dtype, device)
    count = default_slots(target.type, slots)
    ranks = join(target)
    with together(f"loading {model}"):
        network, tokenizer = _loaded(model, revision, dtype, target, ranks)
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


def _loaded(
    model: str, revision: str | None, dtype: str, target: torch.device, ranks: Ranks
) -> tuple[Any, Any]:
    """The model, or what this rank has of it, and its tokenizer."""
    source = _source(model)
    hub: dict[str, Any] = {
        "revision": revision,
        "local_files_only": isinstance(source, Path) or _offline(),
    }
    try:
        with ThreadPoolExecutor(1, "pcm-tokenizer") as beside:
            # First of all, and before a tokenizer keeps the interpreter to itself for a while.
            arrival = Arrival.of(source) if isinstance(source, Path) else None
            config = AutoConfig.from_pretrained(source, **hub)
            pending = beside.submit(load_tokenizer, source, config, **hub)
            number = _dtype(dtype, target)
            # What is split is cut on the host first, so that a GPU need not hold it in whole.
            is_sent = target.type == "cuda" and ranks.count == 1
            copier = CudaCopier(target) if is_sent else None
            network, report = assembled(source, config, number, copier, arrival) or (
                AutoModelForCausalLM.from_pretrained(
                    source,
                    config=config,
                    dtype=number,
                    output_loading_info=True,
                    use_safetensors=True,
                    **hub,
                )
            )
            tokenizer = pending.result()
    except torch.OutOfMemoryError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _explained(model, source, error) from error
    if report["missing_keys"] or report.get("mismatched_keys"):
        lacking = sorted(map(str, report["missing_keys"])) or report["mismatched_keys"]
        raise ValueError(
            f"the weights of {model} do not fit its config.json: {len(lacking)} tensors are missing"
            f" or have another shape, the first is {lacking[0]}; take both from the same model"
        )
    if ranks.count > 1:
        split(network, ranks, target, model)
    return network, tokenizer


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
    target = _prepared(dtype, device)
    source = _source(model)
    try:
        if isinstance(source, str):
            source = Path(
                snapshot_download(
                    source,
                    revision=revision,
                    local_files_only=_offline(),
                    allow_patterns=list(ENCODER_FILES),
                )
            )
        pooling = read_pooling(source)
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
        network = AutoModel.from_pretrained(
            source, dtype=_dtype(dtype, target), use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _explained(model, source, error, "an encoder") from error
    network = _placed(network, target)
    allowed = sizes(network, slots=1, memo=memo_of(model, network))
    return ResidentEncoder(network, tokenizer, pooling, allowed)


def _prepared(dtype: str, device: str) -> torch.device:
    """The device, after what loading needs of this process."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is unknown; give one of {', '.join(DTYPES)}")
    be_quiet()
    _set_threads()
    return _device(device)


def _dtype(dtype: str, target: torch.device) -> str:
    return "float32" if dtype == "auto" and target.type == "cpu" else dtype


def _source(model: str) -> Path | str:
    directory = Path(model).expanduser()
    if directory.exists() or looks_like_path(model):
        check_directory(directory)
        return directory
    return model


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def _explained(
    model: str, source: Path | str, error: Exception, kind: str = "a causal language model"
) -> Exception:
    """The library's error, with what it means for the user."""
    if isinstance(source, str) and isinstance(error, OSError):
        state = "offline (HF_HUB_OFFLINE is set)" if _offline() else "online"
        return FileNotFoundError(
            f"{model!r} is neither a directory here nor a model that the hub gave ({state}): "
            f"{error}"
        )
    return ValueError(f"{model} cannot be loaded as {kind}: {type(error).__name__}: {error}")


def _device(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        target = torch.device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device {device!r} is not usable here: {error}") from error
    if here().count > 1 and device == "cuda":
        return own_device()
    return target


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


def _set_threads() -> None:
    """Use the threads that the worker was given; the variable may be newer than torch's import."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > 0:
        torch.set_num_threads(int(threads))


def be_quiet() -> None:
    """A replica's log is for what goes wrong: no warnings and bars of libraries."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

"""A causal language model's checkpoint, read into memory: weights and tokenizer, whole."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from workers.inference.arrival import Arrival
from workers.inference.assembling import assembled
from workers.inference.device_copy import CudaCopier
from workers.inference.files import check_directory, looks_like_path
from workers.inference.tokenizing import load_tokenizer


def read_checkpoint(
    model: str, revision: str | None, dtype: str, target: torch.device, *, on_host: bool
) -> tuple[Any, Any]:
    """The model and its tokenizer; on a GPU already if ``target`` is one, unless ``on_host``.

    Arguments and errors are those of `workers.inference.load`.
    """
    source = source_of(model)
    hub: dict[str, Any] = {
        "revision": revision,
        "local_files_only": isinstance(source, Path) or is_offline(),
    }
    try:
        with ThreadPoolExecutor(1, "pcm-tokenizer") as beside:
            # First of all, and before a tokenizer keeps the interpreter to itself for a while.
            arrival = Arrival.of(source) if isinstance(source, Path) else None
            config = AutoConfig.from_pretrained(source, **hub)
            pending = beside.submit(load_tokenizer, source, config, **hub)
            number = number_type(dtype, target)
            is_sent = target.type == "cuda" and not on_host
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
        raise explained(model, source, error) from error
    if report["missing_keys"] or report.get("mismatched_keys"):
        lacking = sorted(map(str, report["missing_keys"])) or report["mismatched_keys"]
        raise ValueError(
            f"the weights of {model} do not fit its config.json: {len(lacking)} tensors are missing"
            f" or have another shape, the first is {lacking[0]}; take both from the same model"
        )
    return network, tokenizer


def number_type(dtype: str, target: torch.device) -> str:
    return "float32" if dtype == "auto" and target.type == "cpu" else dtype


def source_of(model: str) -> Path | str:
    directory = Path(model).expanduser()
    if directory.exists() or looks_like_path(model):
        check_directory(directory)
        return directory
    return model


def is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def explained(
    model: str, source: Path | str, error: Exception, kind: str = "a causal language model"
) -> Exception:
    """The library's error, with what it means for the user."""
    if isinstance(source, str) and isinstance(error, OSError):
        state = "offline (HF_HUB_OFFLINE is set)" if is_offline() else "online"
        return FileNotFoundError(
            f"{model!r} is neither a directory here nor a model that the hub gave ({state}): "
            f"{error}"
        )
    return ValueError(f"{model} cannot be loaded as {kind}: {type(error).__name__}: {error}")

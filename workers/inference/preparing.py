"""What loading a model needs of this process: quiet libraries, threads, and a device."""

from __future__ import annotations

import os

import torch
import transformers

from workers.inference.ranks import device as own_device
from workers.inference.ranks import here

DTYPES = ("auto", "float32", "bfloat16", "float16")


def prepared(dtype: str, device: str) -> torch.device:
    """The device; of several ranks each has its own. Raises ValueError for a dtype that is none,
    and for a device that is not usable here."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is unknown; give one of {', '.join(DTYPES)}")
    _be_quiet()
    _set_threads()
    return _device(device)


def _device(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        target = torch.device(device)
        torch.empty(0, device=target)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} is not usable here: {error}") from error
    if here().count > 1 and device == "cuda":
        return own_device()
    return target


def _set_threads() -> None:
    """Use the threads that the worker was given; the variable may be newer than torch's import."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) > 0:
        torch.set_num_threads(int(threads))


def _be_quiet() -> None:
    """A replica's log is for what goes wrong: no warnings and bars of libraries."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()

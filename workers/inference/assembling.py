"""A model put together from its configuration and weights that are mapped, not copied.

transformers does it: it makes the model without memory, takes the tensors that it is given, ties
those that are the same, converts what has an old name or form, and computes what no file holds.
Meanwhile the files are read (`workers.inference.arrival`), and numbers that shall be of another
type are converted (`workers.inference.conversion`).

On its way to an accelerator a model is brought there while its files are still being read. Where
its numbers shall be of another type, transformers is given memory that nobody wrote to instead, so
that they are not converted on the host: what it has put into the model untouched is then sent and
converted on the device (`workers.inference.device_copy`; written for CUDA, not yet run there).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from workers.inference.arrival import Arrival
from workers.inference.conversion import Conversion
from workers.inference.device_copy import Copier, move_parameters
from workers.inference.weights import Tensors

try:
    # A table that transformers makes when it loads its first model, in a sixth of a second. Here
    # it is made at the import, which a worker does once for all its replicas.
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    get_checkpoint_conversion_mapping("")
except ImportError:
    pass


NO_THREADS = "HF_DEACTIVATE_ASYNC_LOAD"

Made = tuple[Any, dict[str, Any]]
"""A model, and what ``from_pretrained`` reports of it."""


def assembled(
    source: Path | str,
    config: Any,
    dtype: str,
    copier: Copier | None = None,
    arrival: Arrival | None = None,
) -> Made | None:
    """The model and what was missing of it, as of ``from_pretrained`` with the same arguments. With
    a copier its parameters are on that one's device; buffers are left where they are. ``arrival``
    is that of its files, where it has begun before; it may last longer than this.

    None where that is to be asked instead: for a model of the hub, for quantised weights, and for
    architectures that are not those of one class. Raises what ``from_pretrained`` raises.
    """
    found = transformers.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    if isinstance(source, str) or not isinstance(found, type):
        return None
    kind: Any = found
    if getattr(config, "quantization_config", None) is not None:
        return None
    arrival = arrival or Arrival.of(source)
    if arrival is None:
        return None
    weights: Tensors = {}
    try:
        for mapping in arrival.mappings:
            weights |= mapping.tensors()
    except RuntimeError:
        return None  # Numbers in places that are not ours to read.

    def made(weights: Tensors) -> Made:
        with _one_thread():
            network, report = kind.from_pretrained(
                None, config=config, state_dict=weights, dtype=dtype, output_loading_info=True
            )
        return network, report

    wanted = _wanted(dtype, config)
    if copier is not None:
        network, report = _made_there(made, weights, wanted, copier)
        arrival.wait()
    elif wanted is not None and any(_is_other(tensor, wanted) for tensor in weights.values()):
        network, report = _made_meanwhile(made, weights, wanted)
        arrival.wait()
    else:
        network, report = made(weights)
    if (source / "generation_config.json").exists():
        network.generation_config = transformers.GenerationConfig.from_pretrained(source)
    network.name_or_path = config.name_or_path = str(source)
    return network, report


def _wanted(dtype: str, config: Any) -> torch.dtype | None:
    """The type that numbers shall have; None if it is not known before the model is made."""
    found = config.dtype if dtype == "auto" else getattr(torch, dtype)
    return found if isinstance(found, torch.dtype) else None


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """transformers would hand every tensor to threads, which have nothing to do with it: a fifth of
    the time that it takes to make a small model."""
    before = os.environ.get(NO_THREADS)
    os.environ[NO_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[NO_THREADS]
        else:
            os.environ[NO_THREADS] = before


def _is_other(tensor: torch.Tensor, wanted: torch.dtype) -> bool:
    return tensor.is_floating_point() and tensor.dtype != wanted and tensor.numel() > 0


def _made_meanwhile(made: Callable[[Tensors], Made], weights: Tensors, wanted: torch.dtype) -> Made:
    """The model made while its numbers are still being converted to another type."""
    others = {name: tensor for name, tensor in weights.items() if _is_other(tensor, wanted)}
    conversion = Conversion(others, wanted)
    network, report = made(weights | conversion.tensors)
    pairs = {name: (there, others[name]) for name, there in conversion.tensors.items()}
    untouched = _sources(network, pairs) is not None
    conversion.wait()
    if untouched:
        return network, report
    del network, report, pairs, conversion  # Something was computed of numbers that came later.
    return made(weights)


def _made_there(
    made: Callable[[Tensors], Made], weights: Tensors, wanted: torch.dtype | None, copier: Copier
) -> Made:
    """The model with its parameters on the copier's device. They are sent in the order in which the
    model has them, which is about that in which they arrive."""
    others = {
        name: tensor for name, tensor in weights.items() if wanted and _is_other(tensor, wanted)
    }
    unwritten = {name: torch.empty(tensor.shape, dtype=wanted) for name, tensor in others.items()}
    network, report = made(weights | unwritten)
    sources = _sources(network, {name: (unwritten[name], others[name]) for name in others})
    if sources is None:
        network, report = made(weights)
    move_parameters(network, copier, sources or {})
    return network, report


def _sources(
    network: nn.Module, unwritten: dict[str, tuple[torch.Tensor, torch.Tensor]]
) -> dict[nn.Parameter, torch.Tensor] | None:
    """What belongs into the parameters that are unwritten memory: the second of each pair into the
    first. None if not all of it is there as it was given: something was computed of it."""
    by_address = {empty.data_ptr(): stored for empty, stored in unwritten.values()}
    found = {}
    for weight in network.parameters():
        stored = by_address.get(weight.data_ptr())
        if stored is not None and weight.shape == stored.shape and weight.is_contiguous():
            found[weight] = stored
    return found if len(found) == len(by_address) else None

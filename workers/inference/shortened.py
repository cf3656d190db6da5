"""A model without most of its layers and words, for trials of what these do all alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

LAYERS = 2
"""One whose input is the embedding, one whose input is another layer's output."""
TOKENS = 64
"""The first of the vocabulary. A large one costs more than two layers."""
SIMPLE = (bool, int, float, str, torch.dtype, type(None))


@contextmanager
def shortened(model: Any, *, fewer_tokens: bool = True) -> Iterator[Any]:
    """The model itself, with its first layers and output tokens only while the context lasts.

    Whether it takes a mask or positions is settled by the code of its layers and their settings, so
    two of them tell as much as thirty. A model whose layers are not all alike keeps them all, and
    so does one in which no list of layers is to be found.
    """
    with _fewer_layers(model), _fewer_tokens(model) if fewer_tokens else nullcontext():
        yield model


@contextmanager
def _fewer_layers(model: Any) -> Iterator[None]:
    found = _layers(model)
    if found is None:
        yield
        return
    owner, name, layers = found
    setattr(owner, name, layers[:LAYERS])
    try:
        yield
    finally:
        setattr(owner, name, layers)


@contextmanager
def _fewer_tokens(model: Any) -> Iterator[None]:
    whole = model.get_output_embeddings()
    if type(whole) is not nn.Linear or whole.out_features <= TOKENS:
        yield
        return
    part = nn.Linear(whole.in_features, TOKENS, bias=whole.bias is not None, device="meta")
    part.weight = nn.Parameter(whole.weight[:TOKENS], requires_grad=False)
    if whole.bias is not None:
        part.bias = nn.Parameter(whole.bias[:TOKENS], requires_grad=False)
    model.set_output_embeddings(part)
    try:
        yield
    finally:
        model.set_output_embeddings(whole)


def _layers(model: Any) -> tuple[nn.Module, str, nn.ModuleList] | None:
    """The one list of layers, the module that has it, and its name there."""
    count = getattr(model.config.get_text_config(decoder=True), "num_hidden_layers", 0)
    found = [
        (owner, name, child)
        for owner in model.modules()
        for name, child in owner.named_children()
        if isinstance(child, nn.ModuleList) and len(child) == count
    ]
    if len(found) != 1 or count <= LAYERS or len(set(map(_nature, found[0][2]))) != 1:
        return None
    return found[0]


def _nature(layer: nn.Module) -> tuple[Any, ...]:
    """What a layer is made of and how it is set, its number and its weights' values excepted."""
    parts = [
        (type(part), *(pair for pair in vars(part).items() if _is_setting(*pair)))
        for part in layer.modules()
    ]
    return (*parts, *((weight.shape, weight.dtype) for weight in layer.parameters()))


def _is_setting(name: str, value: object) -> bool:
    return isinstance(value, SIMPLE) and name[0] != "_" and "layer_idx" not in name

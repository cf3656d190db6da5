"""The resident language model: loaded once, then asked many times.

``load(...)`` gives a `LanguageModel`, ``load_encoder(...)`` an encoder that embeds texts. torch
and transformers are imported when one is called, and by nothing before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.inference.base import Choice, Form, Generation, LanguageModel, Message

if TYPE_CHECKING:
    from workers.inference.embed import ResidentEncoder

__all__ = ["Choice", "Form", "Generation", "LanguageModel", "Message", "load", "load_encoder"]


def load(
    model: str,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    **options: Any,
) -> LanguageModel:
    """See `workers.inference.loading.load`."""
    from workers.inference.loading import load as load_model

    return load_model(model, revision, dtype, device, **options)


def load_encoder(
    model: str, revision: str | None = None, dtype: str = "auto", device: str = "auto"
) -> ResidentEncoder:
    """See `workers.inference.loading.load_encoder`."""
    from workers.inference.loading import load_encoder as load_model

    return load_model(model, revision, dtype, device)

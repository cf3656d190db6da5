"""The resident language model: loaded once, then asked many times.

``load(...)`` gives a `LanguageModel`. torch and transformers are imported when it is called, and by
nothing before.
"""

from __future__ import annotations

from typing import Any

from workers.inference.base import Choice, Generation, LanguageModel, Message

__all__ = ["Choice", "Generation", "LanguageModel", "Message", "load"]


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

"""The built-in contexts: a causal language model, with ``choose``, ``generate`` and ``chat``, and
an encoder, with ``embed``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcm.recipe import context

if TYPE_CHECKING:
    from workers.inference import LanguageModel
    from workers.inference.embed import ResidentEncoder

IMPORTS = (
    "torch",
    "transformers",
    "transformers.models.llama.modeling_llama",
    "workers.inference.loading",
)
"""Nine tenths of the time to load a small model goes into imports. The Llama module draws in what
nearly all architectures share."""


@context(imports=IMPORTS, files="model")
def language_model(
    model: str,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    *,
    pass_tokens: int | None = None,
    slots: int | None = None,
) -> LanguageModel:
    """A language model in the Hugging Face layout: a directory or a hub id.

    ``dtype`` is auto, float32, bfloat16 or float16; auto means float32 on a CPU and the
    checkpoint's own type on a GPU. ``pass_tokens`` is the fixed number of tokens that a
    forward pass of ``choose`` holds, by default what pays and memory allows; ``slots`` the fixed
    number of items that decode together.
    """
    from workers.inference import load

    return load(model, revision, dtype, device, pass_tokens=pass_tokens, slots=slots)


@context(imports=IMPORTS, files="model")
def text_encoder(
    model: str, revision: str | None = None, dtype: str = "auto", device: str = "auto"
) -> ResidentEncoder:
    """An encoder in the layout of Hugging Face or sentence-transformers, for ``embed``.

    Tokens are pooled as the model's own files say (mean or first token, normalised or not), by
    their mean where there are none. ``dtype`` and ``device`` are as for `language_model`.
    """
    from workers.inference import load_encoder

    return load_encoder(model, revision, dtype, device)

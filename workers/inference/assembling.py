"""A model put together from its configuration and weights that are mapped, not copied.

transformers does it: it makes the model without memory, takes the tensors that it is given, ties
those that are the same, converts what has an old name or form, and computes what no file holds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import transformers

from workers.inference.files import weight_files
from workers.inference.weights import Mapping, Tensors

try:
    # A table that transformers makes when it loads its first model, in a sixth of a second. Here
    # it is made at the import, which a worker does once for all its replicas.
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    get_checkpoint_conversion_mapping("")
except ImportError:
    pass


def assembled(source: Path | str, config: Any, dtype: str) -> tuple[Any, dict[str, Any]] | None:
    """The model and what was missing of it, as of ``from_pretrained`` with the same arguments.

    None where that is to be asked instead: for a model of the hub, for quantised weights, and for
    architectures that are not those of one class. Raises what ``from_pretrained`` raises.
    """
    found = transformers.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    if isinstance(source, str) or not isinstance(found, type):
        return None
    kind: Any = found
    if getattr(config, "quantization_config", None) is not None:
        return None
    try:
        mappings = [Mapping(file) for file in weight_files(source)]
        stored = [mapping.tensors() for mapping in mappings]
    except (KeyError, RuntimeError):
        return None  # Numbers of a kind, or in places, that are not ours to read.
    with _populating(mappings):
        weights: Tensors = {}
        for tensors in stored:
            weights |= tensors
        network, report = kind.from_pretrained(
            None, config=config, state_dict=weights, dtype=dtype, output_loading_info=True
        )
    if (source / "generation_config.json").exists():
        network.generation_config = transformers.GenerationConfig.from_pretrained(source)
    network.name_or_path = config.name_or_path = str(source)
    return network, report


@contextlib.contextmanager
def _populating(mappings: list[Mapping]) -> Iterator[None]:
    """Bring the files' pages in meanwhile, in the order in which they are used."""

    def populate() -> None:
        with contextlib.suppress(OSError):  # It only makes things faster.
            for mapping in mappings:
                mapping.populate()

    thread = threading.Thread(target=populate, name="pcm-weights")
    thread.start()
    try:
        yield
    finally:
        thread.join()

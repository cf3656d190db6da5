"""High-throughput LLM inference on GPUs that belong to other people.

Everything public is here and nothing else is; names are imported when first used, so that
``import pcm`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from condor import Glideins
    from pcm.errors import (
        ChangedRunError,
        EngineError,
        InputError,
        ItemError,
        JournalError,
        PcmError,
        RunError,
        RunInUseError,
    )
    from pcm.formats import Jsonl, OpenAIBatch, Parquet, read_jsonl
    from pcm.language_models import language_model, text_encoder
    from pcm.manager import Manager, Progress, Row, Run, resume
    from pcm.recipe import Recipe, Task, context, task
    from pcm.report import Summary
    from pcm.watching import watch

_HOMES = {
    "condor": ("Glideins",),
    "pcm.errors": (
        "ChangedRunError",
        "EngineError",
        "InputError",
        "ItemError",
        "JournalError",
        "PcmError",
        "RunError",
        "RunInUseError",
    ),
    "pcm.formats": ("Jsonl", "OpenAIBatch", "Parquet", "read_jsonl"),
    "pcm.language_models": ("language_model", "text_encoder"),
    "pcm.manager": ("Manager", "Progress", "Row", "Run", "resume"),
    "pcm.recipe": ("Recipe", "Task", "context", "task"),
    "pcm.report": ("Summary",),
    "pcm.watching": ("watch",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - by topic
    "Manager",
    "Glideins",
    "Run",
    "Row",
    "Progress",
    "Summary",
    "context",
    "task",
    "Recipe",
    "Task",
    "language_model",
    "text_encoder",
    "resume",
    "watch",
    "read_jsonl",
    "Jsonl",
    "OpenAIBatch",
    "Parquet",
    "PcmError",
    "InputError",
    "ChangedRunError",
    "RunInUseError",
    "RunError",
    "ItemError",
    "JournalError",
    "EngineError",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'pcm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

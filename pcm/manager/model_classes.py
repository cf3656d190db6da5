"""Which module of transformers has the class of a context's model, by what its files say.

Workers import it before they fork a replica, so that the replica need not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from workers.protocol import Tree

LIBRARY = "transformers"
CONFIG_FILE = "config.json"
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def with_model_classes(imports: tuple[str, ...], trees: Sequence[Tree]) -> tuple[str, ...]:
    """The imports of a context, with the class of each model among its files.

    Only for contexts that import transformers. Those that are added may be missing on a worker
    (marked by ``?``): the library names few modules otherwise than its models, and which it has
    depends on its version.
    """
    if LIBRARY not in imports:
        return imports
    kinds = [_kind(Path(tree.path) / CONFIG_FILE) for tree in trees if not tree.is_file]
    modules = [f"{LIBRARY}.models.{kind}.modeling_{kind}" for kind in kinds if kind]
    return (*imports, *(f"{name}?" for name in dict.fromkeys(modules) if name not in imports))


def _kind(file: Path) -> str:
    """The model's type as part of a module's name; empty where there is none."""
    try:
        kind = json.loads(file.read_bytes()).get("model_type")
    except (OSError, ValueError, AttributeError):
        return ""  # Whoever loads it will say what is wrong.
    return kind.replace("-", "_") if isinstance(kind, str) and _KIND.fullmatch(kind) else ""

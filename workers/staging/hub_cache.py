"""Where the hub's own library keeps its models on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def hub_folder(model: str) -> Path:
    """The folder of a model, ORG/NAME, by the same environment variables; it need not be there."""
    home = os.environ.get("HF_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = home or os.path.join(cache, "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")
    return Path(os.path.expanduser(hub)) / f"models--{model.replace('/', '--')}"

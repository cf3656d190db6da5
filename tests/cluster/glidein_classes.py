"""Classes of glideins for a pool of which many fit on this machine, with simulated GPUs."""

from __future__ import annotations

from typing import Any

from condor import Glideins
from tests.cluster import rootfs


def glideins(name: str = "any", **options: Any) -> Glideins:
    """``options``: of ``Glideins``, in place of what is usual here."""
    usual: dict[str, Any] = {"most": 4, "memory": "200 MB", "disk": "100 MB", "grace": "5 s"}
    usual |= {"python": f"{rootfs.VENV}/bin/python", "check_gpus": False}
    return Glideins(name=name, **(usual | options))

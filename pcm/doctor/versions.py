"""Versions of pcm and of what it stands on; found in the metadata, nothing is imported."""

from __future__ import annotations

import importlib.metadata
import platform

import pcm
from pcm.doctor.base import Check, Section

NEEDED = ("msgspec", "numpy", "cloudpickle", "pydantic", "pyyaml", "typer", "rich")
FOR_INFERENCE = ("torch", "transformers", "safetensors", "tokenizers")


def versions() -> Section:
    """Python, pcm and the packages without which nothing works."""
    checks = [
        Check("python", "ok", platform.python_version()),
        Check("pcm", "ok", pcm.__version__),
        *(_package(name, f"pip install {name}") for name in NEEDED),
    ]
    parquet = _package("pyarrow", "")
    if parquet.state == "missing":
        parquet = Check("pyarrow", "note", "not installed: no Parquet outputs (extra: parquet)")
    return Section("versions", [*checks, parquet])


def inference() -> Section:
    """What the built-in language model needs."""
    mend = "pip install 'pcm[inference]'"
    return Section("language models", [_package(name, mend) for name in FOR_INFERENCE])


def _package(name: str, mend: str) -> Check:
    try:
        return Check(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, "missing", "not installed", mend)

"""The local engine: worker processes on this machine, each over a socket of its own."""

from __future__ import annotations

from pcm.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]

"""The essentials of runs in a terminal, over any line that carries text: ``pcm top``."""

from __future__ import annotations

from pcm.top.watching import watch

__all__ = ["watch"]

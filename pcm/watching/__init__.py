"""A run on a terminal: waiting for it while its progress is shown."""

from __future__ import annotations

from pcm.watching.waiting import watch

__all__ = ["watch"]

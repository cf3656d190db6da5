"""A run's whole story in one file of HTML: no script, nothing from outside, opens anywhere."""

from __future__ import annotations

from pcm.report.html.page import page

__all__ = ["page"]

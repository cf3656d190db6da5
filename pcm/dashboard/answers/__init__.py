"""The views of one run, made of its chronicle; each about one moment."""

from __future__ import annotations

from pcm.dashboard.answers.contexts import contexts
from pcm.dashboard.answers.efficiency import efficiency
from pcm.dashboard.answers.entries import event, findings, glideins
from pcm.dashboard.answers.overview import curves, head, overview
from pcm.dashboard.answers.timeline import timeline
from pcm.dashboard.answers.workers import workers

__all__ = [
    "contexts",
    "curves",
    "efficiency",
    "event",
    "findings",
    "glideins",
    "head",
    "overview",
    "timeline",
    "workers",
]

"""The taskvine engine: workers that come and go, reached through TaskVine.

engine (in the manager) <- messages.py -> driver (owns TaskVine's manager)
                                              |  one call per batch, pinned to its worker
workers.launch -> vine_worker <---------------+
                      `-> workers.library (the host, its templates and replicas)
"""

from __future__ import annotations

from pcm.engines.taskvine.engine import TaskVineEngine

__all__ = ["TaskVineEngine"]

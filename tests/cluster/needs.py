"""What tests of the cluster parts need, and how they are skipped without."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluations.dispatch import beside
from tests.cluster import rootfs

needs_taskvine = pytest.mark.skipif(
    not rootfs.native(), reason="TaskVine is not here: run it by tests/cluster/enter"
)

needs_htcondor = pytest.mark.skipif(
    not Path("/", rootfs.STAMP).exists(),
    reason="starts HTCondor's daemons: run it by tests/cluster/enter",
)
"""Not where HTCondor is merely installed: a machine that is in a pool is left alone."""

needs_function_calls = pytest.mark.skipif(
    bool(beside.missing()), reason=f"pip install {' '.join(beside.missing())}"
)
"""TaskVine's own libraries of functions, for which it imports packages that pcm does not need: the
root has them, a native installation of TaskVine may not."""

"""What tests of the cluster parts need, and how they are skipped without."""

from __future__ import annotations

import pytest

from tests.cluster import rootfs

needs_taskvine = pytest.mark.skipif(
    not rootfs.native(), reason="TaskVine is not here: run it by tests/cluster/enter"
)

"""TaskVine's module, imported without what it has to say of packages that it does not need."""

from __future__ import annotations

import warnings

with warnings.catch_warnings(action="ignore"):  # It warns that Dask is not installed.
    from ndcctools import taskvine
    from ndcctools.taskvine import cvine

__all__ = ["cvine", "taskvine"]

"""A model whose KV cache keeps unequal numbers of tokens per head, over ranks by a plan of heads.

`load_fair` loads one, `profile_of` tells what heads would keep. Every rank of a replica runs the
same calls with the same arguments (SPMD); alone it is a model with compressed caches and nothing
else. ``docs/heads.md`` has the theory.
"""

from __future__ import annotations

from workers.inference.fairkv.loading import load_fair, profile_of
from workers.inference.fairkv.model import FairModel

__all__ = ["FairModel", "load_fair", "profile_of"]

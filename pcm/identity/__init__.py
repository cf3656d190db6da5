"""Who a task or a context is: a hash of all that its results depend on, in named parts."""

from pcm.identity.identify import identify
from pcm.identity.identity import Identity

__all__ = ["Identity", "identify"]

"""The manager: the public calls, and the loop that joins core, engine and journals."""

from pcm.manager.manager import Manager, resume
from pcm.manager.row import Row
from pcm.manager.run import Progress, Run

__all__ = ["Manager", "Progress", "Row", "Run", "resume"]

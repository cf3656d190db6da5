"""Who is brought which file of a context from whom: decided here, carried out by the engines.

``Distribution`` is told what workers need and have, and answers with moves: to send a worker a
piece of the manager's own file, to have it publish what it has, to have it fetch the file from one
that did. The taskvine engine carries them out through TaskVine, the simulated one in virtual time.
Pure: no input or output, no clock, no chance.
"""

from __future__ import annotations

from pcm.engines.staging.distribution import Distribution
from pcm.engines.staging.moves import Call, Fetch, Forget, GiveUp, Move, Piece, Publish
from pcm.engines.staging.planning import MANAGER_STREAMS, PEER_STREAMS
from pcm.engines.staging.sources import STRIKES

__all__ = [
    "MANAGER_STREAMS",
    "PEER_STREAMS",
    "STRIKES",
    "Call",
    "Distribution",
    "Fetch",
    "Forget",
    "GiveUp",
    "Move",
    "Piece",
    "Publish",
]

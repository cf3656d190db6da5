"""Prefill and decode told from packets alone, beside the word of the engine that computed them.

A server holds a language model of pcm and streams its tokens over TCP as an OpenAI server does; the
engine writes down when a request had arrived and when each token was made. A client on another host
asks. Hosts are network namespaces with a cable between them; the observer watches at the client's
end of it, outside of the server's host, and sees headers of packets and nothing else. All of them
have the clock of this one machine: what clocks of several machines add is no part of the errors.
Needs root, for the namespaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.phases.measuring import measure
from evaluations.phases.plan import FULL, QUICK


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """All conditions, one and a half to two minutes."""
    return measure(FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Few requests of two conditions, to the model that the project brings."""
    return measure(QUICK, say)

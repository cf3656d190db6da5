"""A cluster that does not exist, in virtual time: what the scheduler commands is carried out by
discrete events, so that it can be judged at a scale, and under evictions, that no test machine has.

The core that decides is the one that decides live. Deterministic for a seed. A scenario says which
workers are there when, how fast they are, what a cold start takes and what the items cost; an
outcome says when the work was done, what the workers' time went into, and how far that is from the
clairvoyant bound. Not an ``Engine``: no manager's loop waits for a clock that is not there.
"""

from __future__ import annotations

from pcm.engines.simulated.cluster import Cluster, Stranded, simulate
from pcm.engines.simulated.decider import Decider
from pcm.engines.simulated.limits import bound_seconds
from pcm.engines.simulated.outcome import Outcome
from pcm.engines.simulated.recording import Recording
from pcm.engines.simulated.scenario import Links, Model, Scenario, Visit, WorkerClass, Workload

__all__ = [
    "Cluster",
    "Decider",
    "Links",
    "Model",
    "Outcome",
    "Recording",
    "Scenario",
    "Stranded",
    "Visit",
    "WorkerClass",
    "Workload",
    "bound_seconds",
    "simulate",
]

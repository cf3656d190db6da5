"""The collector, by HTCondor's bindings: the ads of a pool's machines."""

from __future__ import annotations

from typing import Any

from condor.faults import translated
from condor.matching import Demand, Match, match


def pool_match(wanted: Demand, collector: str = "") -> Match:
    """What of the pool matches. Raises CondorError; takes seconds where the pool is large."""
    return match(slots(collector), wanted)


def slots(collector: str = "") -> list[Any]:
    try:
        import htcondor2

        pool = htcondor2.Collector(collector) if collector else htcondor2.Collector()
        ads: list[Any] = pool.query(htcondor2.AdType.Slot, "DynamicSlot =!= true")
    except Exception as error:
        raise translated(error, "asking the pool for its machines") from error
    return ads

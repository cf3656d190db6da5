"""What a pool shows of itself, by HTCondor's bindings: the ads of its machines above all."""

from __future__ import annotations

import re
from typing import Any

from condor.faults import translated
from condor.matching import Demand, Match, match

PORT = 9618
"""Of a collector, unless its name says another."""


def pool_match(wanted: Demand, collector: str = "") -> Match:
    """What of the pool matches. Raises CondorError; takes seconds where the pool is large."""
    return match(slots(collector), wanted)


def slots(collector: str = "") -> list[Any]:
    try:
        import htcondor2

        pool = htcondor2.Collector(collector) if collector else htcondor2.Collector()
        ads: list[Any] = pool.query(htcondor2.AdType.Slot, "DynamicSlot =!= true")
    except Exception as error:
        raise translated(_reason(error, collector), "asking the pool for its machines") from error
    return ads


def setting(name: str) -> str:
    """Of HTCondor's configuration here; empty if it has none of that name, or is not there."""
    try:
        import htcondor2

        return str(htcondor2.param.get(name) or "")
    except Exception:  # No bindings, or a configuration that cannot be read.
        return ""


def ports() -> tuple[int, int] | None:
    """Those that HTCondor here keeps to, the first and the last; None: any."""
    low, high = setting("LOWPORT"), setting("HIGHPORT")
    return (int(low), int(high)) if low and high else None


def ip(address: str) -> str:
    """Of an address as daemons write theirs (``<10.1.2.3:9618?...>``); empty of anything else."""
    found = re.match(r"<(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)):", address)
    return "" if found is None else found[1] or found[2]


def _reason(error: Exception, collector: str) -> str:
    """The bindings say as little of a pool that cannot be reached as of one that refuses."""
    said = str(error)
    if "communication with collector" not in said:
        return said
    import htcondor2

    try:
        place = collector or htcondor2.param["COLLECTOR_HOST"].split(",")[0].strip()
        htcondor2.ping(f"<{place}>" if ":" in place else f"<{place}:{PORT}>", "READ")
    except Exception as reason:
        if "start command" in str(reason):
            return f"Authentication failed. {said}"
    return said

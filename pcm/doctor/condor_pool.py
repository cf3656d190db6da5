"""What a pool says to this machine, as one JSON object: ``python -m pcm.doctor.condor_pool``.

A program of its own, since HTCondor's bindings may wait for a daemon longer than a person does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any


def main() -> None:
    print(json.dumps({"schedd": _schedd(), "gpus": _gpus()}))


def _schedd() -> dict[str, Any]:
    """``glideins`` in its queue, or the ``problem`` and its ``mend``."""
    from condor.faults import CondorError
    from condor.schedd import Schedd

    try:
        return {"glideins": len(Schedd().jobs(""))}
    except CondorError as error:
        return {"problem": error.problem, "mend": error.mend}


def _gpus() -> dict[str, Any]:
    """``models`` of the pool's GPUs with the number of each, or the ``problem``."""
    from condor.collector import slots
    from condor.faults import CondorError

    try:
        return {"models": dict(models(slots()).most_common())}
    except CondorError as error:
        return {"problem": error.problem, "mend": error.mend}


def models(ads: Iterable[Any]) -> Counter[str]:
    """How many GPUs of each model slots have, by their ads."""
    from condor.matching import gpus

    return Counter(
        str(gpu.get("DeviceName", "of an unknown model")) for ad in ads for gpu in gpus(ad)
    )


if __name__ == "__main__":
    main()

"""One worker, one context, one batch: run as ``python -m pcm.doctor.trial ENGINE``.

Prints one JSON object. A program of its own, so that a machine on which it hangs can be examined.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence

import pcm


@pcm.context(imports=(), files=())
def constant() -> int:
    """A context that loads nothing."""
    return 2


@pcm.task
def product(factor: int, items: Sequence[int]) -> Iterator[int]:
    """Each item times the context."""
    for item in items:
        yield factor * item


def main(engine: str) -> None:
    """Raises what the manager raises where the engine does not work."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # what TaskVine has to say
    started = time.monotonic()
    with pcm.Manager(engine, workers=1) as manager:
        run = manager.map(product, [1, 2, 3], context=constant())
        values = sorted(row.result() for row in run)
    if values != [2, 4, 6]:
        raise SystemExit(f"wrong results: {values}")
    print(json.dumps({"seconds": time.monotonic() - started}))


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "local")
    except pcm.PcmError as error:
        raise SystemExit("; ".join(str(error).splitlines())) from error

"""``python -m evaluations.clocks.events PORT SEED SECONDS PER_SECOND LOST_SHARE``: has events at
random times, stamps each, and lets another process see most of them. Prints the stamps."""

from __future__ import annotations

import json
import random
import socket
import sys
import time

from evaluations.clocks.plan import END


def main(port: int, seed: int, seconds: float, per_second: float, lost_share: float) -> None:
    chance = random.Random(seed)
    stamps = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.connect(("127.0.0.1", port))
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            time.sleep(chance.expovariate(per_second))
            stamps.append(time.time())
            if chance.random() >= lost_share:
                other.send(b"event")
        other.send(END)
    print(json.dumps(stamps))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:]))

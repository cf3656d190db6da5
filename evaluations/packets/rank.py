"""One of two ranks that share a decode: matrix products of a layer's half, then an all-reduce.

``python -m evaluations.packets.rank RANK STORE_ADDRESS PORT DEVICE_SECONDS``. Each layer's device
time is played by a pause; the collectives are gloo's, over this host's network. Each line on
standard input is a JSON object that changes something from the next layer or step on:
``late_seconds``, a pause of this rank before each collective; ``stops``: before its next collective
it stops itself, until SIGCONT; ``extra_bytes``, what rank 1 sends to rank 0 besides in each step
(said to rank 0); ``port``, where the group meets anew, after the other rank has gone. Once a second
a line tells the median of the steps' seconds and the share of the time in which the device was
idle. It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import threading
import time

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import TCPStore

LAYERS = 4
HIDDEN = 256
REPORT_SECONDS = 1.0


class Levers:
    """Changed by another thread."""

    def __init__(self) -> None:
        self.late_seconds = 0.0
        self.stops = False
        self.extra_bytes = 0
        self.port = 0
        self.changed = threading.Event()

    def listen(self) -> None:
        for line in sys.stdin:
            for name, value in json.loads(line).items():
                setattr(self, name, value)
            self.changed.set()
        os._exit(0)


class Decode:
    def __init__(self, rank: int, device_seconds: float, levers: Levers) -> None:
        torch.manual_seed(rank)
        self._rank, self._device_seconds, self._levers = rank, device_seconds, levers
        self._wide = torch.randn(HIDDEN, 2 * HIDDEN)
        self._narrow = torch.randn(2 * HIDDEN, HIDDEN)
        self._state = torch.randn(1, HIDDEN)
        self._steps: list[float] = []
        self._busy_seconds = 0.0
        self._told = time.monotonic()

    def run(self) -> None:
        """Until the other rank is gone: RuntimeError."""
        with torch.inference_mode():
            while True:
                begun = time.monotonic()
                self._exchange()
                for _ in range(LAYERS):
                    self._layer()
                now = time.monotonic()
                self._steps.append(now - begun)
                if now - self._told >= REPORT_SECONDS:
                    self._tell(now)

    def _exchange(self) -> None:
        """What one rank has for the other besides; by a collective, so that both know of it."""
        extra = torch.tensor([self._levers.extra_bytes if self._rank == 0 else 0])
        time.sleep(self._device_seconds)
        self._busy_seconds += self._device_seconds
        self._reduce(extra)
        if size := int(extra):
            bytes_ = torch.zeros(size, dtype=torch.uint8)
            if self._rank == 1:
                dist.send(bytes_, 0)
            else:
                dist.recv(bytes_, 1)

    def _layer(self) -> None:
        begun = time.monotonic()
        part = torch.relu(self._state @ self._wide) @ self._narrow
        time.sleep(self._device_seconds)
        self._busy_seconds += time.monotonic() - begun
        self._reduce(part)
        self._state = part / part.norm()

    def _reduce(self, part: torch.Tensor) -> None:
        if self._levers.late_seconds:
            time.sleep(self._levers.late_seconds)
        if self._levers.stops:
            self._levers.stops = False
            os.kill(os.getpid(), signal.SIGSTOP)
        dist.all_reduce(part)

    def _tell(self, now: float) -> None:
        seconds = now - self._told
        line = {
            "end_seconds": time.time(),
            "seconds": seconds,
            "step_seconds": statistics.median(self._steps),
            "idle_share": 1.0 - self._busy_seconds / seconds,
        }
        print(json.dumps(line), flush=True)
        self._steps, self._busy_seconds, self._told = [], 0.0, now


def meet(rank: int, address: str, port: int) -> None:
    store = TCPStore(address, port, 2, is_master=rank == 0, use_libuv=False)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)


def main() -> None:
    rank, address, port, device_seconds = sys.argv[1:]
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "e0"
    levers = Levers()
    levers.port = int(port)
    meet(int(rank), address, levers.port)
    threading.Thread(target=levers.listen, daemon=True).start()
    print(json.dumps({"ready": rank}), flush=True)
    decode = Decode(int(rank), float(device_seconds), levers)
    while True:
        met = levers.port
        try:
            decode.run()
        except RuntimeError as gone:
            print(gone, file=sys.stderr)
        dist.destroy_process_group()
        while levers.port == met:
            levers.changed.wait()
            levers.changed.clear()
        meet(int(rank), address, levers.port)


if __name__ == "__main__":
    main()

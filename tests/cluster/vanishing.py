"""A machine of its own for a worker, as far as the network goes, that can vanish without a word.

Needs the right to make network namespaces. It is a process that waits in a new one, joined to ours
by a pair of virtual interfaces; ``vanish`` takes the pair's outer end down.
"""

from __future__ import annotations

import os
import subprocess
from typing import Self

HERE, THERE = "10.213.7.1", "10.213.7.2"
OUTER, INNER = "pcmouter", "pcminner"


class Machine:
    """Use it as a context manager, in a network namespace where its interfaces disturb nobody."""

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            while self._is_here():
                pass
            pid = str(self._holder.pid)
            _ip("link", "add", OUTER, "type", "veth", "peer", "name", INNER, "netns", pid)
            _ip("addr", "add", f"{HERE}/24", "dev", OUTER)
            _ip("link", "set", OUTER, "up")
            for command in (
                ["addr", "add", f"{THERE}/24", "dev", INNER],
                ["link", "set", INNER, "up"],
                ["link", "set", "lo", "up"],
            ):
                subprocess.run([*self.inside, "ip", *command], check=True)
        except BaseException:
            self._holder.kill()
            self._holder.wait()
            raise
        return self

    def _is_here(self) -> bool:
        """Whether it has not entered its namespace yet."""
        own = os.readlink("/proc/self/ns/net")
        return os.readlink(f"/proc/{self._holder.pid}/ns/net") == own

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()
        subprocess.run(["ip", "link", "del", OUTER], check=False, capture_output=True)

    @property
    def inside(self) -> list[str]:
        """What to put before a command to run it there."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    def vanish(self) -> None:
        _ip("link", "set", OUTER, "down")

    def come_back(self) -> None:
        _ip("link", "set", OUTER, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)

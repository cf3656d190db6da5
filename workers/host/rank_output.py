"""What one rank prints, on its way into the log of its replica: who printed it stands before each
line."""

from __future__ import annotations

import os

LINE_BYTES = 1 << 13
"""What is longer, such as a progress bar, is told in parts."""
_READ_BYTES = 1 << 16


class RankOutput:
    """The reading end of the pipe that is the rank's standard output and error."""

    def __init__(self, rank: int, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._name = b"[rank %d] " % rank
        self._printed = bytearray()

    def read(self) -> bool:
        """Take in what there is; False if nothing more will come."""
        try:
            data = os.read(self.descriptor, _READ_BYTES)
        except BlockingIOError:
            return True
        self._printed += data
        return bool(data)

    def lines(self, *, to_the_end: bool = False) -> bytes:
        """Those that are complete, once; ``to_the_end``: the last as it is, too."""
        printed = self._printed
        cut = printed.rfind(b"\n") + 1
        if to_the_end or len(printed) - cut > LINE_BYTES:
            cut = len(printed)
        lines = bytes(printed[:cut]).splitlines()
        del printed[:cut]
        return b"".join(self._name + line + b"\n" for line in lines)

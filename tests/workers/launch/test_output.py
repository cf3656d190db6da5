"""What launchers print, several of which may have the same output."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = "from workers.launch.__main__ import say\nsay('started')"


def test_a_line_is_written_in_one_call_even_where_output_is_not_buffered() -> None:
    """A socket for packets tells calls of write(2) apart."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            subprocess.run(
                [sys.executable, "-u", "-c", PROGRAM],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=theirs.fileno(),
                check=True,
            )
        assert ours.recv(1000) == b"pcm worker: started\n"
        assert ours.recv(1000) == b""

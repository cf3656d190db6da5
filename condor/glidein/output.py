"""What a glidein prints, which HTCondor brings back when the job has ended."""

import os
import socket


def say(text: str) -> None:
    write("pcm glidein on {}: {}\n".format(socket.gethostname(), text))


def write(line: str) -> None:
    """Also from a signal's handler, where a buffered stream may not be used."""
    os.write(1, line.encode("utf-8", "replace"))

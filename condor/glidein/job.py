"""What the glidein knows of its job, and what it tells of itself there."""

import os
import socket

ANSWER_SECONDS = 20.0
TROUBLE = "ChirpPcmTrouble"
"""The attribute that says why a machine could not work."""


def life() -> int:
    """How many times the job has been started, this time included; 1 if that is not known."""
    try:
        with open(os.environ["_CONDOR_JOB_AD"]) as file:
            fields = [line.partition("=") for line in file]
        return next(int(value) for name, _, value in fields if name.strip() == "NumShadowStarts")
    except (KeyError, OSError, StopIteration, ValueError):
        return 1


def tell(name: str, text: str) -> None:
    """Set an attribute of the job, which the schedd has when the job has ended; at best.

    The protocol is that of ``condor_chirp``, which a node or a container may lack.
    """
    path = os.environ.get("_CONDOR_CHIRP_CONFIG", "")
    line = " ".join(text.split())[:500].replace("\\", "/").replace('"', "'")
    try:
        with open(path) as file:
            host, port, cookie = file.read().split()
        with socket.create_connection((host, int(port)), ANSWER_SECONDS) as sock:
            stream = sock.makefile("rwb")
            value = '"{}"'.format(line).replace(" ", "\\ ")  # Blanks end a word of this protocol.
            for order in (
                "cookie {}".format(cookie),
                "set_job_attr_delayed {} {}".format(name, value),
            ):
                stream.write(order.encode() + b"\n")
                stream.flush()
                if not stream.readline().startswith(b"0"):
                    return
    except (OSError, ValueError):
        pass

"""Whether the manager can be reached from this node."""

import socket

from .output import say
from .trouble import MACHINE_UNFIT, Trouble

CONNECT_SECONDS = 20.0


def check_manager(address: str) -> None:
    """That its port can be reached. One where nobody listens may yet get its manager back."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        say("nobody listens at {}".format(address))
    except OSError as error:
        text = "the manager at {} cannot be reached from here ({}): is there a firewall?"
        raise Trouble(MACHINE_UNFIT, text.format(address, error))

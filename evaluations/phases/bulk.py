"""A program: fills the cable both ways, over a connection for each.

``bulk.py serve ADDRESS PORT`` on one host, then ``bulk.py ask ADDRESS PORT`` on the other.
"""

from __future__ import annotations

import socket
import sys
import threading

CHUNK = b"b" * (1 << 18)


def send(connection: socket.socket) -> None:
    """Without end."""
    while True:
        connection.sendall(CHUNK)


def receive(connection: socket.socket) -> None:
    while connection.recv(len(CHUNK)):
        pass


def main() -> None:
    what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        if what == "serve":
            with socket.create_server((address, port)) as listener:
                print('"ready"', flush=True)
                one, other = (listener.accept()[0] for _ in range(2))
        else:
            other, one = (socket.create_connection((address, port)) for _ in range(2))
            print('"ready"', flush=True)
        threading.Thread(target=receive, args=(one,), daemon=True).start()
        send(other)
    except ConnectionError:
        pass  # The other one was told to end.


if __name__ == "__main__":
    main()

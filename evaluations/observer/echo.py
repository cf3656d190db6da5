"""A program, the application that is watched: small messages there and back over TCP.

``echo.py serve ADDRESS PORT SECONDS`` answers after so long, as if an accelerator computed.
``echo.py ask ADDRESS PORT`` asks as often as each line of its input says, and prints the seconds of
each round trip as a JSON list.
"""

from __future__ import annotations

import json
import socket
import sys
import time

MESSAGE = b"m" * 64
PAUSE_SECONDS = 0.0005


def serve(address: str, port: int, seconds: float) -> None:
    with socket.create_server((address, port)) as listener:
        print("ready", flush=True)
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while message := connection.recv(len(MESSAGE)):
                if seconds:
                    time.sleep(seconds)
                connection.sendall(message)


def ask(address: str, port: int) -> None:
    with socket.create_connection((address, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for line in sys.stdin:
            seconds = []
            for _ in range(int(line)):
                begun = time.perf_counter()
                connection.sendall(MESSAGE)
                left = len(MESSAGE)
                while left:
                    left -= len(connection.recv(left))
                seconds.append(time.perf_counter() - begun)
                time.sleep(PAUSE_SECONDS)
            print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        ask(sys.argv[2], int(sys.argv[3]))

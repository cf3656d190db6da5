"""A host's plain traffic: sessions that ask and answer, and transfers. Standard library only.

``python -m evaluations.packets.peer [RECEIVE_BYTES]``, of the buffers that it receives into; each
line on standard input is a JSON object:

``{"do": "ask", "name", "to", "per_second", "bytes", "answer_bytes"}``
    a session: a message that often, and an answer to each; again with the same name: changed
``{"do": "send", "name", "to", "bytes_per_second", "message_bytes"}``
    a transfer in messages of that size, paced as a whole; again with the same name: changed
``{"do": "read", "pause_seconds"}``
    what is sent here is taken for a while only, with such pauses between

It serves on PORT what others do, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from typing import Any

PORT = 7000
READ_BYTES = 1 << 14
TAKING_SECONDS = 0.05
HEADER = struct.Struct("!II")
"""Bytes that follow, bytes to answer."""


class Pace:
    """How this host takes what is sent to it."""

    pause_seconds = 0.0


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    until = 0.0
    with connection, contextlib.suppress(OSError):
        while header := connection.recv(HEADER.size, socket.MSG_WAITALL):
            size, answered = HEADER.unpack(header)
            while size:
                got = len(connection.recv(min(size, READ_BYTES)))
                if not got:
                    return
                size -= got
                if Pace.pause_seconds and not answered and time.monotonic() > until:
                    time.sleep(Pace.pause_seconds)
                    until = time.monotonic() + TAKING_SECONDS
            if answered:
                connection.sendall(bytes(answered))


class Doing(threading.Thread):
    """One session or transfer; ``order`` may be changed while it goes on."""

    def __init__(self, order: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self.order = order

    def run(self) -> None:
        with contextlib.suppress(OSError):
            self._run()

    def _run(self) -> None:
        connection = connected(self.order["to"])
        due = time.monotonic()
        while True:
            order = self.order
            if order["do"] == "ask":
                connection.sendall(
                    HEADER.pack(order["bytes"], order["answer_bytes"]) + bytes(order["bytes"])
                )
                connection.recv(order["answer_bytes"], socket.MSG_WAITALL)
                pause = 1.0 / order["per_second"]
            else:
                size = order["message_bytes"]
                connection.sendall(HEADER.pack(size, 0) + bytes(size))
                pause = size / order["bytes_per_second"]
            due = max(due + pause, time.monotonic() - pause)
            time.sleep(max(0.0, due - time.monotonic()))


def connected(address: str) -> socket.socket:
    connection = socket.create_connection((address, PORT), timeout=10.0)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def main() -> None:
    # What moves between cores overtakes its own packets, and is taken for lossy.
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
    listener = socket.socket()
    if len(sys.argv) > 1:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(sys.argv[1]))
    listener.bind(("", PORT))
    listener.listen(64)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    doing: dict[str, Doing] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "read":
            Pace.pause_seconds = order["pause_seconds"]
        elif order["name"] in doing:
            doing[order["name"]].order = order
        else:
            doing[order["name"]] = Doing(order)
            doing[order["name"]].start()


if __name__ == "__main__":
    main()

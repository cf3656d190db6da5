"""Results on their way out of a replica: each at once, unless they come faster than that pays."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from workers.protocol import LENGTH_BYTES, ItemResult, ItemResults, Message, encode

COALESCE_SECONDS = 0.001
"""A result made sooner than this after the last sending waits for others, this long at most."""
IDLE_ROUNDS = 100
MAX_HELD_BYTES = 1 << 20


class Outbox:
    """Sends messages to the supervisor. Blocks when the supervisor does not keep up.

    A thread sends what waits, so that a result is not lost with an item that takes long or ends
    the process. It is started only when a result waits for the first time: a replica whose items
    take longer than a millisecond never has it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._lock = threading.Lock()
        self._batch = 0
        self._held: list[ItemResult] = []
        self._held_bytes = 0
        self._held_since = 0.0
        self._last_sent = 0.0
        self._waiting = threading.Event()
        self._sender: threading.Thread | None = None

    def result(self, batch: int, result: ItemResult, *, more: bool = False) -> None:
        """Send a result. ``more``: something else is sent at once, with which it may travel."""
        made = time.monotonic()
        with self._lock:
            self._batch = batch
            if not self._held:
                self._held_since = made
            self._held.append(result)
            self._held_bytes += len(result.value or b"")
            full = self._held_bytes > MAX_HELD_BYTES
            if full or (not more and time.monotonic() - self._last_sent >= COALESCE_SECONDS):
                self._send()
                return
        if not more and not self._waiting.is_set():
            self._wake_sender()

    def send(self, *messages: Message) -> None:
        """Send messages behind all results, at once."""
        with self._lock:
            self._send(*messages)

    def _send(self, *messages: Message) -> None:
        outgoing: list[Message] = list(messages)
        if self._held:
            outgoing.insert(0, ItemResults(self._batch, self._held, self._held_since))
            self._held, self._held_bytes = [], 0
        if outgoing:
            body = encode(outgoing)
            self._socket.sendall(len(body).to_bytes(LENGTH_BYTES, "big") + body)
            self._last_sent = time.monotonic()

    def _wake_sender(self) -> None:
        if self._sender is None:
            self._sender = threading.Thread(target=self._send_on, name="pcm-outbox", daemon=True)
            self._sender.start()
        self._waiting.set()

    def _send_on(self) -> None:
        # Where the supervisor is gone, the main thread finds out by itself.
        with contextlib.suppress(OSError):
            self._send_rounds()

    def _send_rounds(self) -> None:
        while True:
            self._waiting.wait()
            idle = 0
            # Going on for a while is cheaper than being woken for every burst of results.
            while idle < IDLE_ROUNDS:
                time.sleep(COALESCE_SECONDS)
                with self._lock:
                    idle = 0 if self._held else idle + 1
                    self._send()
            self._waiting.clear()
            with self._lock:
                self._send()

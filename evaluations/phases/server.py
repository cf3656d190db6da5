"""A program: a language model that streams its tokens over TCP, and says when it made them.

``server.py MODEL ADDRESS PORT MOST_TOKENS``. Each line of its input is a JSON object that says how
to answer from now on (``header``, ``tokens_per_message``) and is answered by a JSON list of all
requests since the line before, with the engine's times in seconds since 1970.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, BinaryIO

import pcm
from evaluations.phases.engine import Engine, Streamed

HEADER = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\r\n"
DONE = b"data: [DONE]\n\n"
SWITCH_SECONDS = 0.0005
"""A reader that a request has woken waits at most so long for the interpreter, so that the engine
does not hear of requests later than they are there."""


@dataclass
class How:
    """To answer."""

    header: bool = False
    tokens_per_message: int = 1


@dataclass
class Stream:
    """The answer to one request on its way out."""

    connection: socket.socket
    tokenizer: Any
    how: How
    _unsent: list[int] = field(default_factory=list)
    _messages: int = 0

    def begin(self) -> None:
        if self.how.header:
            self.connection.sendall(HEADER)

    def token(self, token: int, is_last: bool) -> None:
        self._unsent.append(token)
        if self._messages and len(self._unsent) < self.how.tokens_per_message and not is_last:
            return
        event = {
            "object": "text_completion",
            "choices": [{"index": 0, "text": self.tokenizer.decode(self._unsent)}],
            "finish_reason": "length" if is_last else None,
        }
        data = b"data: " + json.dumps(event).encode() + b"\n\n"
        if not self._messages and not self.how.header:
            data = HEADER + data
        self.connection.sendall(data)
        if is_last:
            self.connection.sendall(DONE)
        self._messages += 1
        self._unsent = []


class Server:
    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self.inbox: SimpleQueue[Streamed | None] = SimpleQueue()
        self._how = How()
        self._records: list[tuple[str, float, Streamed]] = []

    def accept(self, listener: socket.socket) -> None:
        while True:
            connection, (address, port) = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            name = f"{address}:{port}"
            threading.Thread(target=self._read, args=(connection, name), daemon=True).start()

    def _read(self, connection: socket.socket, name: str) -> None:
        with connection, connection.makefile("rb") as file:
            while (body := _body(file)) is not None:
                arrived = time.time()
                asked = json.loads(body)
                stream = Stream(connection, self._llm.tokenizer, self._how)
                stream.begin()
                tokens = self._llm.tokenizer(asked["prompt"])["input_ids"]
                item = Streamed(
                    tokens[: asked["prompt_tokens"]],
                    asked["max_tokens"],
                    self._llm.tokenizer,
                    stream.token,
                )
                self._records.append((name, arrived, item))
                self.inbox.put(item)

    def obey(self) -> None:
        """Lines of the input, until it ends."""
        for line in sys.stdin:
            self._how = How(**json.loads(line))
            records, self._records = self._records, []
            found = [
                {
                    "connection": name,
                    "arrived": arrived,
                    "started": item.started,
                    "made": item.made,
                    "prompt_tokens": len(item.prompt),
                }
                for name, arrived, item in records
            ]
            print(json.dumps(found), flush=True)
        self.inbox.put(None)


def _body(file: BinaryIO) -> bytes | None:
    """Of the next request; None if there is none."""
    length = 0
    while (line := file.readline()) not in (b"", b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return file.read(length) if length else None


def main() -> None:
    model, address, port, most_tokens = sys.argv[1:]
    sys.setswitchinterval(SWITCH_SECONDS)
    llm = pcm.language_model(model).load()
    engine, server = Engine(llm, int(most_tokens)), Server(llm)
    with socket.create_server((address, int(port))) as listener:
        for target in (partial(server.accept, listener), server.obey):
            threading.Thread(target=target, daemon=True).start()
        print(json.dumps("ready"), flush=True)
        engine.run(server.inbox)


if __name__ == "__main__":
    main()

"""A program: asks over several connections at once, on each one question after the other.

``client.py ADDRESS PORT`` reads a JSON list from its input: for each connection a list of
``[seconds to wait, tokens of the prompt, tokens of the answer]``. It ends after the last answer.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

SENTENCE = "The river that runs through the old town was made a border in 1815. "
BYTES_PER_TOKEN = 6
"""More than any token has on average: the server takes of the prompt what it needs."""
DONE = b"data: [DONE]\n"


def ask(address: str, port: int, questions: list[tuple[float, int, int]]) -> None:
    with socket.create_connection((address, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as answers:
            for wait_seconds, prompt_tokens, new_tokens in questions:
                time.sleep(wait_seconds)
                connection.sendall(request(prompt_tokens, new_tokens))
                while (line := answers.readline()) != DONE:
                    if not line:
                        raise ConnectionError("the server has gone")
                answers.readline()


def request(prompt_tokens: int, new_tokens: int) -> bytes:
    size = prompt_tokens * BYTES_PER_TOKEN
    prompt = (SENTENCE * (size // len(SENTENCE) + 1))[:size]
    asked = {"prompt": prompt, "prompt_tokens": prompt_tokens, "max_tokens": new_tokens}
    body = json.dumps({**asked, "stream": True}).encode()
    return b"POST /v1/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    connections = json.load(sys.stdin)
    with ThreadPoolExecutor(len(connections)) as threads:
        for done in [threads.submit(ask, address, port, each) for each in connections]:
            done.result()


if __name__ == "__main__":
    main()

"""The dashboard as its users have it: a process, asked over a connection."""

from __future__ import annotations

import gzip
import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

PATIENCE_SECONDS = 20.0


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Told(NamedTuple):
    """An event of the stream."""

    kind: str
    id: int | None
    data: Any


class Served:
    """``python -m pcm.dashboard`` over some directories, until it is closed."""

    def __init__(self, *directories: Path, token_file: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "pcm.dashboard", *map(str, directories)]
        command += ["--token-file", str(token_file), "--port", str(port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("dashboard: http://127.0.0.1:"), line
        self.url = line.split()[1]
        self.port = int(self.url.split(":")[2].partition("/")[0])
        self.token = token_file.read_text().strip()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Reply:
        """With the token, unless it is given otherwise; header names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("authorization", f"Bearer {self.token}")
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            line.request(method, path, body or None, {k: v for k, v in named.items() if v})
            answer = line.getresponse()
            content = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            if found.get("content-encoding") == "gzip":
                content = gzip.decompress(content)
            return Reply(answer.status, found, content)
        finally:
            line.close()

    def stream(self, run: str, seen: int | None = None) -> Iterator[Told]:
        """Events as they come. Close it."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        headers = {"Authorization": f"Bearer {self.token}"}
        if seen is not None:
            headers["Last-Event-ID"] = str(seen)
        try:
            line.request("GET", f"/api/stream?run={run}", headers=headers)
            answer = line.getresponse()
            assert answer.status == 200, answer.read()
            kind, number = "", None
            while text := answer.readline().decode():
                if text.startswith("event: "):
                    kind = text[7:].strip()
                elif text.startswith("id: "):
                    number = int(text[4:])
                elif text.startswith("data: "):
                    yield Told(kind, number, json.loads(text[6:]))
                    kind, number = "", None
        finally:
            line.close()


def await_told(told: Iterator[Told], kind: str, wanted: Callable[[Any], bool]) -> Told:
    """The first of that kind whose data are as wanted. The connection's patience is the bound."""
    for one in told:
        if one.kind == kind and wanted(one.data):
            return one
    raise AssertionError("the stream has ended")

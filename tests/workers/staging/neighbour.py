"""Another worker of the same host, as a process: ``python -m tests.workers.staging.neighbour``.

It has one file of a store in hand and does as it is told by lines, each of which it answers with a
line: ``take``, ``append OFFSET PATH``, ``adopt PATH``, ``release``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

import msgspec

from workers.host.processes import search_path
from workers.protocol import StagedFile
from workers.staging.store import Store


class Neighbour:
    """The process, as its test sees it."""

    def __init__(self, cache: Path, file: StagedFile) -> None:
        command = [sys.executable, "-m", "tests.workers.staging.neighbour", str(cache)]
        self.process = subprocess.Popen(
            [*command, msgspec.json.encode(file).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": search_path()},
        )

    def tell(self, line: str) -> str:
        """Its answer."""
        self.begin(line)
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def begin(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Neighbour:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, frames: TracebackType | None
    ) -> None:
        self.kill()


def main(cache: str, described: str) -> None:
    file = msgspec.json.decode(described, type=StagedFile)
    store = Store(cache)
    for line in sys.stdin:
        verb, *words = line.split()
        match verb:
            case "take":
                answer: str = store.take(file)
            case "append":
                answer = store.append(file, int(words[0]), Path(words[1]).read_bytes())
            case "adopt":
                answer = store.adopt(file, words[0])
            case _:
                store.release(file.digest)
                answer = "released"
        print(answer, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""TaskVine's manager alone: ``python -W ignore -m tests.cluster.bare_vine STORY FOLDER``.

Each story provokes a defect of TaskVine at one worker, and prints what came of it. A process of its
own, since importing TaskVine crashes where warnings are errors. Where a guard fails the story does
not end: run it with a timeout.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcm.engines.taskvine import vine as module
from pcm.engines.taskvine.kit import NAME, kit
from pcm.engines.taskvine.vine import Done, Vine, cvine
from tests.cluster.outside import launch
from workers import carriage

# A turn that TaskVine does not end by itself shall not be ended by the clock.
module.WAIT_SECONDS = 600


class Calls:
    """Calls for one worker, which answers them at once."""

    def __init__(self, vine: Vine) -> None:
        self.vine = vine
        self.worker = ""
        self._frames = 0

    def meet(self) -> None:
        """Wait for the worker."""
        while not (there := self.vine.workers()):
            self.vine.turn()
        identity = carriage.identity(there[0]["arch"])
        assert identity is not None
        self.worker = identity.worker

    def finish(self) -> Done:
        frame = carriage.call_frame(carriage.Call(self._frames, [], brief=True))
        self._frames += 1
        number = self.vine.submit(self.worker, frame)
        while True:
            for done in self.vine.turn():
                if done.task == number:
                    return done


@contextmanager
def worker_of(folder: Path) -> Iterator[Calls]:
    package, password = folder / NAME, folder / "password"
    package.write_bytes(kit())
    password.write_text("open sesame")
    (folder / "vine").mkdir()
    vine = Vine(folder / "vine", port=0, password_file=password, ssl=False, kit=package)
    worker = launch(vine.port, password, "--once")
    try:
        calls = Calls(vine)
        calls.meet()
        yield calls
    finally:
        worker.send_signal(signal.SIGQUIT)
        vine.close()
        worker.communicate()


def given_up(calls: Calls) -> object:
    """TaskVine gives a library up after fifteen failures, on whichever workers."""

    def installed() -> bool:
        template = cvine.vine_manager_find_library_template(calls.vine._queue, carriage.LIBRARY)
        return template is not None

    seen = [installed()]
    cvine.vine_manager_remove_library(calls.vine._queue, carriage.LIBRARY)
    seen.append(installed())
    calls.vine.mend()
    seen.append(installed())
    return [*seen, calls.finish().result]


def unplaceable(calls: Calls) -> object:
    """Many calls that no worker can take make TaskVine 7.14 sleep for seconds before any other; and
    where one is dispatched beside them, a turn does not end."""
    for _ in range(2000):
        calls.vine.submit("nobody", b"")
    results = {calls.finish().result for _ in range(50)}
    for _ in range(3):
        calls.vine.submit(calls.worker, b"")  # Is not answered: nothing has happened.
        results.update(done.result for done in calls.vine.turn())
    return sorted(results)


STORIES = {"given_up": given_up, "unplaceable": unplaceable}


def main() -> None:
    with worker_of(Path(sys.argv[2])) as calls:
        print(json.dumps(STORIES[sys.argv[1]](calls)), flush=True)


if __name__ == "__main__":
    main()

"""The workers that the engine starts on this machine itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from pcm.core.events import ProvisionFailed
from pcm.engines.base import Happening
from pcm.engines.local.sharing import Share, Sharing
from pcm.engines.taskvine.processes import LauncherProcess

END_SECONDS = 5.0
"""How long a launcher may take to end all that is its own, before it is killed."""


class Pool:
    """Launchers, each with one worker and its share of the machine."""

    def __init__(
        self,
        name: str,
        sharing: Sharing,
        launch: Callable[[str, Share], LauncherProcess],
    ) -> None:
        """``launch`` starts a launcher for a worker, by name, with a share of the machine."""
        self.name = name
        self.launchers: dict[str, LauncherProcess] = {}
        self._sharing = sharing
        self._launch = launch
        self._started = 0
        self._wanted = 0
        self._ending: set[str] = set()

    def provision(self, count: int) -> list[Happening]:
        """Start so many workers; where every GPU has its worker, as soon as one has left it."""
        self._wanted += count
        return self._start()

    def _start(self) -> list[Happening]:
        left = self._sharing.workers_left
        possible = self._wanted if left is None else min(self._wanted, left)
        failed = self._wanted - possible - len(self._ending)
        happened: list[Happening] = []
        if failed > 0:
            self._wanted -= failed
            problem = self._sharing.too_many
            happened.append(ProvisionFailed(self.name, failed, problem, permanent=True))
        running = len(self.launchers) + possible
        for _ in range(possible):
            self._wanted -= 1
            try:
                self._start_one(running)
            except OSError as error:
                problem = f"a worker's process could not be started: {error}"
                happened.append(ProvisionFailed(self.name, 1, problem))
        return happened

    def _start_one(self, running: int) -> None:
        self._started += 1
        worker = f"{self.name}-{self._started}"
        share = self._sharing.take(running)
        try:
            self.launchers[worker] = self._launch(worker, share)
        except OSError:
            self._sharing.release(share)
            raise

    def leaving(self, worker: str) -> None:
        """The worker has left; its launcher is about to end, and to give its share back."""
        if worker in self.launchers:
            self._ending.add(worker)

    def end(self, worker: str) -> None:
        """Have the worker end at once."""
        if worker in self.launchers:
            self._ending.add(worker)
            self.launchers[worker].send_signal(signal.SIGQUIT)

    def end_all(self) -> None:
        """The same for all, and wait for them."""
        for launcher in self.launchers.values():
            launcher.send_signal(signal.SIGQUIT)
        deadline = time.monotonic() + END_SECONDS
        for launcher in self.launchers.values():
            launcher.end(signal.SIGQUIT, max(0.0, deadline - time.monotonic()))
            launcher.close()
        self.launchers.clear()
        self._ending.clear()
        self._wanted = 0

    def ended(self, launcher: LauncherProcess) -> list[Happening]:
        """The launcher's process has ended: what follows."""
        del self.launchers[launcher.worker]
        self._ending.discard(launcher.worker)
        self._sharing.release(launcher.share)
        how = launcher.how_it_ended()
        launcher.close()
        happened: list[Happening] = []
        if not launcher.joined:
            words = launcher.last_words()
            problem = f"worker {launcher.worker} ended before it was ready: {how}\n{words}"
            happened.append(ProvisionFailed(self.name, 1, problem.rstrip("\n")))
        return happened + self._start()

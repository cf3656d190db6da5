"""One life of a job: from its start on a node to the exit status that says what it meant."""

import argparse
import shutil
import signal
import time
from typing import Dict, Optional

from . import gpus, job, launcher, machine_ad, network
from .commands import NOTICES
from .launcher import LEAVING_SECONDS, Launcher
from .output import say
from .scratch import make_folder
from .software import Software
from .trouble import AGAIN, BROKEN, DONE, MACHINE_UNFIT, ToldToLeave, Trouble

UNCONNECTED_SECONDS = 20.0
"""When a worker has not connected for so long, it is seen whether anybody can from here."""


LEAVES_AT, ZONE = "PCM_LEAVES_AT", "PCM_ZONE"
"""As in ``workers/walltime.py`` and ``workers/probe.py``."""


class Life:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._leave_at = float("inf")
        if options.walltime:
            before = options.grace + 2 * LEAVING_SECONDS
            self._leave_at = time.monotonic() + options.walltime - before
        self._launcher: Optional[Launcher] = None
        self._starting = self._leaving = False
        self._folder = ""

    def run(self) -> int:
        """Exit status."""
        for number in NOTICES:
            signal.signal(number, lambda *_: self._leave("told to leave"))
        try:
            self._folder = make_folder(self._options.scratch)
            given = self._gpus()
            software = Software(self._options, self._folder)
            software.environment.update(given)
            return self._work(software)
        except ToldToLeave:
            return AGAIN
        except Trouble as trouble:
            say(str(trouble))
            job.tell(job.TROUBLE, str(trouble))
            return trouble.status
        finally:
            for number in NOTICES:
                signal.signal(number, signal.SIG_IGN)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _gpus(self) -> Dict[str, str]:
        """Variables that tell the worker which are its own."""
        options = self._options
        if not options.gpus:
            return {}
        return gpus.variables(options.gpus, options.gpu_memory, trusted=options.trust_gpus)

    def _work(self, software: Software) -> int:
        words = launcher.command(self._options, software.python, self._folder)
        environment = self._told(software.environment)
        self._starting = True
        worker = self._launcher = Launcher(words, environment)
        if self._leaving:  # The signal came while it was being started.
            worker.leave()
        try:
            code = self._wait(worker)
        finally:
            worker.end()
        return self._status(worker, code)

    def _told(self, environment: Dict[str, str]) -> Dict[str, str]:
        """The worker's environment, with what is known here of how long it stays."""
        told = dict(environment)
        zone = machine_ad.zone()
        if zone:
            told.setdefault(ZONE, zone)  # The user may know better.
        if self._options.walltime:
            told[LEAVES_AT] = str(time.time() + self._leave_at - time.monotonic())
        return told

    def _wait(self, worker: Launcher) -> int:
        """Until it has ended; it is told to leave before the walltime is over."""
        options = self._options
        look_at = time.monotonic() + UNCONNECTED_SECONDS
        while not self._leaving:
            if time.monotonic() >= self._leave_at:
                self._leave("the walltime is almost over")
                break
            code = worker.wait(1.0)
            if not worker.connected and (code == 0 or time.monotonic() > look_at):
                # Not before: the manager takes a connection without a word for an intruder's.
                look_at = float("inf")
                network.check_manager(options.manager)
            if code is not None:
                return code
        return worker.outlast(options.grace)

    def _leave(self, reason: str) -> None:
        """Also a signal's handler."""
        if self._leaving:
            return
        self._leaving = True
        say(reason)
        if self._launcher is not None:
            self._launcher.leave()
        elif not self._starting:  # Or its process might be left behind.
            raise ToldToLeave

    def _status(self, worker: Launcher, code: int) -> int:
        """What to exit with, from the launcher's status."""
        if self._leaving:
            return AGAIN
        if code == 0:
            return DONE
        last = worker.last_words()
        if code == 2:
            raise Trouble(BROKEN, "the worker was refused: " + last)
        if code < 0:
            last = "killed by signal {}; {}".format(-code, last)
        raise Trouble(MACHINE_UNFIT, "the worker could not work: " + last)

"""vine_factory as the provisioner of a manager that has none of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pcm
from condor import materials
from evaluations.glideins import factory_worker
from evaluations.glideins.desk import Desk, Standing, protocol
from evaluations.glideins.factory_worker import KIT, PASSWORD
from evaluations.glideins.plan import MOST

END_SECONDS = 30.0
NOBODY = "127.0.0.1:9"
"""In place of the catalog, which is told where factories are."""


class Factory:
    """``vine_factory -T condor`` for a manager, from its first run until ``close``."""

    def __init__(self, manager: pcm.Manager, directory: Path, dilation_factor: float) -> None:
        """``directory`` is its own. HTCondor must be able to read it."""
        self._manager, self._directory = manager, directory
        self._dilation_factor = dilation_factor
        self._run: pcm.Run | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="ticker")
        self._desk = Desk(self._standing, protocol())

    def works_on(self, run: pcm.Run) -> None:
        """The manager does, from now on."""
        self._run = run
        if self._process is None:
            self._process = self._start()
            self._ticker.start()

    def close(self) -> None:
        """It removes its jobs, after up to five seconds that are not dilated: we do it before."""
        self._over.set()
        if self._process is not None:
            self._ticker.join()
            self._process.terminate()
            # Fails if there are none.
            subprocess.run(["condor_rm", "-all"], check=False, capture_output=True)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._desk.close()

    def _start(self) -> subprocess.Popen[bytes]:
        invitation = self._manager.invitation()
        if invitation is None:
            raise RuntimeError("the manager takes no workers from outside")
        self._directory.mkdir()
        kit, password = (self._directory / name for name in (KIT, PASSWORD))
        kit.write_bytes(materials.kit())
        password.write_bytes(Path(invitation.password_file).read_bytes())
        command = ["vine_factory", "-T", "condor", "-w", "0", "-W", str(MOST)]
        command += ["--workers-per-cycle", str(MOST), "--tasks-per-worker", "1"]
        command += ["--cores", "1", "--memory", "200", "--disk", "100", "--gpus", "1"]
        # Its default keeps a machine for its next job after a job's end, also from other managers'.
        command += ["--batch-options", "keep_claim_idle = 0"]
        command += ["--catalog", NOBODY, "-S", str(self._directory / "scratch")]
        command += ["--worker-binary", str(factory_worker.__file__)]
        command += ["--wrapper-input", str(kit), "--wrapper-input", str(password)]
        command += ["--extra-options", f"--manager 127.0.0.1:{invitation.port}"]
        with (self._directory / "vine_factory.log").open("wb") as output:
            return subprocess.Popen(
                [*command, "127.0.0.1", str(self._desk.port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )

    def _tick(self) -> None:
        """Between two looks it sleeps for thirty times a second; a signal that it ignores ends each
        such sleep early."""
        assert self._process is not None
        while not self._over.wait(1.0 / self._dilation_factor):
            self._process.send_signal(signal.SIGHUP)

    def _standing(self) -> Standing:
        workers = len(self._manager.workers())
        progress = None if self._run is None or self._run.done else self._run.progress()
        if progress is None:
            return Standing(0, 0, workers)
        left = progress.items - progress.finished
        return Standing(left - progress.in_flight, progress.in_flight, workers)

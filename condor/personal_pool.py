"""A personal pool for tests: HTCondor's own daemons on this machine, with simulated GPUs.

The daemons are the caller's; those of root run jobs as whoever submitted them, as in a real pool.
Ports, names and files are the pool's own, so that pools do not meet; when it ends, no daemon and no
job is left.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from workers.host.processes import children, kill_group

START_SECONDS = 60.0
STOP_SECONDS = 10.0
CLEAR_SECONDS = 20.0
"""How long jobs may take to leave when they are removed."""
PARENT = Path("/var/tmp")
"""Not /tmp: jobs of a pool whose daemons are root's have one of their own."""
ORDINARY_USER = "pcm"
"""Who submits where the caller is root, of whom HTCondor takes no jobs."""


@dataclass(frozen=True)
class Machine:
    """A machine, with GPUs as ``condor_gpu_discovery -simulate:DEVICE,COUNT`` has them."""

    name: str
    device: int
    gpus: int
    cpus: int = 8
    memory_megabytes: int = 16000


TITAN_RTX, V100, A100 = 3, 2, 4
MACHINES = (Machine("ada", A100, 2), Machine("bob", V100, 3), Machine("cyd", TITAN_RTX, 3))
"""Three models, eight GPUs. As simulated: 47, 24 and 24 GB; capability 8.0, 7.0 and 7.5."""

SETTINGS = """\
RELEASE_DIR = /usr
LIB = /usr/lib/condor
LIBEXEC = /usr/libexec/condor
use security : recommended_v9_0
use ROLE : CentralManager
use ROLE : Submit
use feature : GPUs
STARTD_CRON_JOBLIST =
DAEMON_LIST = MASTER SHARED_PORT COLLECTOR NEGOTIATOR SCHEDD
NETWORK_INTERFACE = 127.0.0.1
CONDOR_HOST = 127.0.0.1
NO_DNS = True
DEFAULT_DOMAIN_NAME = pool
UID_DOMAIN = pcm.test
TRUST_UID_DOMAIN = True
FILESYSTEM_DOMAIN = $(NETWORK_HOSTNAME)
SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS
SEC_CLIENT_AUTHENTICATION_METHODS = FS
# Bindings of HTCondor 25 expect more of a daemon than one of 23 does.
SEC_FS_ENFORCE_CHANNEL_BINDING = False
ALLOW_DAEMON = *
ALLOW_NEGOTIATOR = *
ALLOW_ADMINISTRATOR = *
ALLOW_WRITE = *
ALLOW_READ = *
# The defaults wait several seconds between the steps that bring a job to a machine.
NEGOTIATOR_INTERVAL = 1
NEGOTIATOR_CYCLE_DELAY = 1
NEGOTIATOR_MIN_INTERVAL = 1
SCHEDD_INTERVAL = 1
SCHEDD_MIN_INTERVAL = 1
SCHEDD_INTERVAL_TIMESLICE = 1
UPDATE_INTERVAL = 2
PERIODIC_EXPR_INTERVAL = 1
JOB_START_DELAY = 0
MASTER_BACKOFF_CONSTANT = 1
MASTER_BACKOFF_FACTOR = 1
RUNBENCHMARKS = 0
NUM_SLOTS = 1
NUM_SLOTS_TYPE_1 = 1
SLOT_TYPE_1 = 100%
SLOT_TYPE_1_PARTITIONABLE = True
# A machine that a job was taken from is free for the next at once.
CLAIM_WORKLIFE = 0
PREEMPTION_REQUIREMENTS = False
MAX_SHADOW_EXCEPTIONS = 5
"""


class CondorPool:
    """Started on entering; ``CONDOR_CONFIG`` then leads every tool, and ``htcondor2``, to it."""

    def __init__(
        self, machines: Sequence[Machine] = MACHINES, settings: Mapping[str, str] | None = None
    ) -> None:
        self.machines, self._settings = tuple(machines), dict(settings or {})

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="pcm-pool-", dir=PARENT))
        self.directory.chmod(0o755)
        self._config = self.directory / "config"
        self._config.write_text(self._configuration())
        if os.getuid() == 0:
            self._give_to_condor()
        self._before = os.environ.get("CONDOR_CONFIG")
        os.environ["CONDOR_CONFIG"] = str(self._config)
        with open(self.directory / "master.out", "wb") as output:
            self._master = subprocess.Popen(
                ["condor_master", "-f"], stdout=output, stderr=output, start_new_session=True
            )
        try:
            self._await_machines()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        if self._before is None:
            del os.environ["CONDOR_CONFIG"]
        else:
            os.environ["CONDOR_CONFIG"] = self._before
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- for tests -------------------------------------------------------------------------------

    def run(self, *command: str) -> str:
        """What a tool of HTCondor prints. Raises AssertionError with it if the tool fails."""
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 0, f"{command}: {answer.stdout}{answer.stderr}"
        return answer.stdout

    def queue(self, *attributes: str) -> list[list[str]]:
        """The jobs in the queue, with these attributes as text."""
        lines = self.run("condor_q", "-allusers", "-af:t", *attributes).splitlines()
        return [line.split("\t") for line in lines]

    def clear_queue(self) -> None:
        """Remove all jobs, and wait until nothing of them runs."""
        subprocess.run(["condor_rm", "-all"], check=False, capture_output=True)  # Fails on none.
        deadline = time.monotonic() + CLEAR_SECONDS
        while (jobs := self.queue("ClusterId", "JobStatus")) or self.job_processes():
            assert time.monotonic() < deadline, (jobs, self.job_processes())
            time.sleep(0.1)

    def job_processes(self) -> list[str]:
        """What runs below the machines' starters, as command lines."""
        daemons = {self._master.pid, *children(self._master.pid)}
        below = [pid for pid in _descendants(self._master.pid) if pid not in daemons]
        commands = [_command(pid) for pid in below]
        return [command for command in commands if command and "condor_" not in command]

    def job_files(self) -> list[str]:
        """What lies in the machines' directories for jobs."""
        folders = [self.directory / machine.name / "execute" for machine in self.machines]
        return [str(path) for folder in folders for path in folder.glob("*/*")]

    def daemon_pid(self, name: str) -> int:
        """Of a daemon by its name in DAEMON_LIST, such as SCHEDD or STARTD_ada."""
        wanted = [f"-local-name\0{name}"] if name.startswith("STARTD_") else [name.lower()]
        for pid in children(self._master.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            if all(word in command for word in wanted):
                return pid
        raise AssertionError(f"there is no {name}")

    def slot(self, machine: str) -> str:
        """The name of a machine's partitionable slot."""
        names = self.run("condor_status", "-af", "Name", "-constraint", "PartitionableSlot").split()
        return next(name for name in names if f"@{machine}." in name or f"@{machine}@" in name)

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a daemon."""
        self._signal([self.daemon_pid(name)], number)

    def kill_starters(self, machine: str) -> None:
        """Kill what runs a machine's jobs, and the jobs themselves."""
        starters = children(self.daemon_pid(f"STARTD_{machine}"))
        self._signal([*starters, *(pid for one in starters for pid in _descendants(one))])

    def _signal(self, pids: Sequence[int], number: signal.Signals = signal.SIGKILL) -> None:
        """They may be root's, and we not for the moment."""
        user = os.geteuid()
        if os.getresuid()[2] == 0:
            os.seteuid(0)
        try:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        finally:
            os.seteuid(user)

    def log(self, name: str) -> str:
        return (self.directory / "log" / name).read_text(errors="replace")

    # -- life ------------------------------------------------------------------------------------

    def _configuration(self) -> str:
        base, self._port = self.directory, _free_port()
        for name in ("log", "spool", "execute", "lock", "run", "credentials"):
            (base / name).mkdir()
        lines = [SETTINGS]
        lines += [f"{name.upper()} = {base}/{name}" for name in ("log", "spool", "lock", "run")]
        lines += [f"SHARED_PORT_PORT = {self._port}", f"COLLECTOR_HOST = 127.0.0.1:{self._port}"]
        lines += [f"LOCAL_DIR = {base}"]
        lines += [f"SEC_PASSWORD_DIRECTORY = {base}/credentials", f"EXECUTE = {base}/execute"]
        for machine in self.machines:
            lines += self._machine(machine)
        names = " ".join(f"STARTD_{machine.name}" for machine in self.machines)
        lines += [f"DAEMON_LIST = $(DAEMON_LIST) {names}", f"DC_DAEMON_LIST = +{names}"]
        lines += [f"{key} = {value}" for key, value in self._settings.items()]
        return "\n".join(lines) + "\n"

    def _machine(self, machine: Machine) -> list[str]:
        base = self.directory / machine.name
        (base / "execute").mkdir(parents=True)
        (base / "log").mkdir()
        daemon = f"STARTD_{machine.name}"
        values = {
            "STARTD_NAME": machine.name,
            "EXECUTE": f"{base}/execute",
            "STARTD_LOG": f"{base}/log/StartdLog",
            "STARTER_LOG": f"{base}/log/StarterLog",
            "STARTD_ADDRESS_FILE": f"{base}/address",
            "NETWORK_HOSTNAME": f"{machine.name}.pool",
            "NUM_CPUS": machine.cpus,
            "MEMORY": machine.memory_megabytes,
            "GPU_DISCOVERY_EXTRA": f"-extra -simulate:{machine.device},{machine.gpus}",
        }
        lines = [f"{daemon} = $(SBIN)/condor_startd", f"{daemon}_ARGS = -local-name {daemon}"]
        return lines + [f"{daemon}.{key} = {value}" for key, value in values.items()]

    def _give_to_condor(self) -> None:
        """Daemons of root work as the user condor."""
        account = pwd.getpwnam("condor")
        for path in (self.directory, *self.directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)

    def _await_machines(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        wanted = sorted(f"{machine.name}.pool" for machine in self.machines)
        seen = ""
        while time.monotonic() < deadline and self._master.poll() is None:
            if not self._collector_listens():  # A tool would try for 20 s.
                time.sleep(0.05)
                continue
            seen = _said("condor_status", "-af", "Machine")
            # The schedd answers when it prints a heading.
            if sorted(seen.split()) == wanted and _said("condor_q"):
                return
            time.sleep(0.1)
        log = self.directory / "log" / "MasterLog"
        raise AssertionError(f"the pool did not come up: {seen}\n{log.read_text()[-2000:]}")

    def _collector_listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self._port)) == 0

    def _end(self) -> None:
        """Fast, with their jobs; what has not ended in time is killed."""
        self._master.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._master.wait(STOP_SECONDS)
        for pid in _descendants(self._master.pid):
            kill_group(pid)
        self._master.kill()
        self._master.wait()


def _descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [below for child in found for below in _descendants(child)]


def _said(*command: str) -> str:
    """What a tool printed, of a daemon that may not be ready: for it the tool would wait 20 s."""
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=5)
    except subprocess.TimeoutExpired:
        return ""
    return answer.stdout


def _command(pid: int) -> str:
    """Empty if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def ordinary_user() -> Iterator[Path]:
    """Be the user whom HTCondor takes jobs from; gives a directory of his for them to lie in.

    Also for processes that are started meanwhile. Only a process of root has to change, and it
    changes back.
    """
    root = os.geteuid() == 0
    account = pwd.getpwnam(ORDINARY_USER) if root else pwd.getpwuid(os.geteuid())
    before = {name: os.environ.get(name) for name in ("HOME", "USER", "LOGNAME")}
    if root:
        os.setresgid(account.pw_gid, account.pw_gid, 0)
        os.setresuid(account.pw_uid, account.pw_uid, 0)
    os.environ.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name)
    directory = Path(tempfile.mkdtemp(prefix="pcm-jobs-", dir=PARENT))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if root:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

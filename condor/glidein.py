"""What a glidein does on its node: looks at what it was given, and runs a worker's launcher there.

It is sent alone and run by whatever Python the node has: standard library, Python 3.6. Its exit
status says what it meant (see ``condor/description.py``); its output says what happened, and the
reason why a machine cannot work is also set on the job, for the hold reason.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from typing import Any, Deque, Dict, List, NoReturn, Optional

DONE, AGAIN, MACHINE_UNFIT, BROKEN = 0, 3, 75, 76
TROUBLE = "ChirpPcmTrouble"
NOTICES = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CONNECT_SECONDS = 20.0
"""When a worker has not connected for so long, it is seen whether anybody can from here."""
COMMAND_SECONDS = 120.0  # A driver that does not answer for so long is not fit for work.
LEAVING_SECONDS = 5.0  # What the launcher may take beyond its worker's grace.
SCRATCH_BYTES = 64 << 20  # Free space below which nothing works.
START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1));"
    " runpy.run_module('workers.launch', run_name='__main__', alter_sys=True)"
)
LOOK = """import importlib.util, json, sys
names = [name for name in ("msgspec", "cloudpickle") if importlib.util.find_spec(name) is None]
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "missing": names}))
"""


class Trouble(Exception):
    """Why there can be no worker; ``status`` is what the glidein exits with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ToldToLeave(BaseException):
    """A signal came before there was a worker to pass it on to."""


class Glidein:
    """One life of a job."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.began = time.monotonic()
        self.launcher: "Optional[subprocess.Popen[str]]" = None
        self.leaving = self.connected = False
        self.said: Deque[str] = collections.deque(maxlen=20)
        self.folder = ""

    def run(self) -> int:
        """Exit status."""
        for number in NOTICES:
            signal.signal(number, lambda *_: self.leave("told to leave"))
        try:
            self.folder = self.make_folder()
            if self.options.gpus and not self.options.trust_gpus:
                check_gpus(self.options.gpus)
            python = self.find_python()
            environment = self.environment(python)
            self.check_python(python, environment)
            return self.work(python, environment)
        except ToldToLeave:
            return AGAIN
        except Trouble as trouble:
            say(str(trouble))
            chirp(TROUBLE, str(trouble))
            return trouble.status
        finally:
            for number in NOTICES:
                signal.signal(number, signal.SIG_IGN)
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- what it needs ---------------------------------------------------------------------------

    def make_folder(self) -> str:
        parent = self.options.scratch or os.environ.get("_CONDOR_SCRATCH_DIR") or os.getcwd()
        try:
            folder = tempfile.mkdtemp(prefix="pcm-glidein-", dir=parent)
            status = os.statvfs(folder)
        except OSError as error:
            raise Trouble(MACHINE_UNFIT, "no scratch directory: {}".format(error))
        free_bytes = status.f_bavail * status.f_frsize
        if free_bytes < SCRATCH_BYTES:
            shutil.rmtree(folder, ignore_errors=True)
            text = "only {} MB are free in {}".format(free_bytes // 10**6, parent)
            raise Trouble(MACHINE_UNFIT, text)
        return folder

    def find_python(self) -> str:
        """The worker's own, unpacked if it was sent."""
        if self.options.archive:
            target = os.path.join(self.folder, "environment")
            python = os.path.join(target, self.options.python or "bin/python")
            unpack(self.options.archive, target)
            if not os.path.exists(python):
                raise Trouble(BROKEN, "{} holds no {}".format(self.options.archive, python))
            fix = os.path.join(target, "bin", "conda-unpack")
            if os.path.exists(fix):
                output_of([python, fix], BROKEN)
            return python
        wanted = self.options.python or "python3"
        found = shutil.which(wanted)
        if found is None:
            self.unfit("there is no Python {}".format(wanted))
        return os.path.abspath(found)

    def environment(self, python: str) -> Dict[str, str]:
        path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        given = dict(os.environ, PATH=os.path.dirname(python) + os.pathsep + path)
        given.setdefault("HOME", self.folder)
        given.pop("PYTHONPATH", None)
        return given

    def check_python(self, python: str, environment: Dict[str, str]) -> None:
        status = BROKEN if self.options.packed else MACHINE_UNFIT
        try:
            seen = json.loads(output_of([python, "-c", LOOK], status, environment))
        except ValueError as error:
            raise Trouble(status, "{} printed what is no answer: {}".format(python, error))
        if seen["python"] != self.options.python_version:
            self.unfit(
                "{} is Python {}, the manager's is {}, and code is pickled for one version".format(
                    python, seen["python"], self.options.python_version
                )
            )
        if seen["missing"]:
            self.unfit("{} has no {}".format(python, " and no ".join(seen["missing"])))
        if shutil.which("vine_worker", path=environment["PATH"]) is None:
            self.unfit("there is no vine_worker beside {} nor on PATH".format(python))

    def unfit(self, reason: str) -> NoReturn:
        """What the node lacks; in an image or an archive it would lack it everywhere."""
        if self.options.packed:
            raise Trouble(BROKEN, reason + " (in what the job brings along)")
        raise Trouble(MACHINE_UNFIT, reason)

    # -- the worker ------------------------------------------------------------------------------

    def work(self, python: str, environment: Dict[str, str]) -> int:
        command = self.command(python)
        say("starting " + " ".join(command[:1] + command[3:]))
        launcher = self.launcher = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            start_new_session=True,
        )
        # A daemon: what the launcher left behind may hold the pipe.
        self.listener = threading.Thread(target=self.listen, args=(launcher,), daemon=True)
        self.listener.start()
        if self.leaving:  # The signal came while it was being started.
            launcher.send_signal(signal.SIGTERM)
        try:
            code = self.wait(launcher)
        finally:
            if launcher.poll() is None:
                launcher.kill()
                launcher.wait()
        return self.status(code)

    def command(self, python: str) -> List[str]:
        options = self.options
        command = [python, "-c", START, os.path.abspath(options.kit), options.manager]
        command += ["--password-file", os.path.abspath(options.password_file)]
        command += ["--id", "{}.{}".format(options.name, life()), "--pool", options.pool]
        command += ["--cores", str(options.cores)]
        command += ["--scratch", self.folder, "--grace", str(options.grace)]
        command += ["--patience", str(options.patience), "--parent-pid", str(os.getpid())]
        return [*command, "--ssl"] if options.ssl else command

    def wait(self, launcher: "subprocess.Popen[str]") -> int:
        """Until it has ended; it is told to leave before the walltime is over."""
        look_at = time.monotonic() + CONNECT_SECONDS
        leave_at = float("inf")
        if self.options.walltime:
            leave_at = self.began + self.options.walltime - self.options.grace - 2 * LEAVING_SECONDS
        while not self.leaving:
            if time.monotonic() >= leave_at:
                self.leave("the walltime is almost over")
                break
            try:
                code = launcher.wait(1.0)
                self.listener.join(LEAVING_SECONDS)
            except subprocess.TimeoutExpired:
                code = None
            if not self.connected and (code == 0 or time.monotonic() > look_at):
                # Not before: the manager takes a connection without a word for an intruder's.
                look_at = float("inf")
                check_manager(self.options.manager)
            if code is not None:
                return code
        for number in (signal.SIGQUIT, signal.SIGKILL):
            try:
                return launcher.wait(LEAVING_SECONDS + self.options.grace)
            except subprocess.TimeoutExpired:
                launcher.send_signal(number)
        return launcher.wait()

    def leave(self, reason: str) -> None:
        if self.leaving:
            return
        self.leaving = True
        say(reason)
        if self.launcher is not None:
            self.launcher.send_signal(signal.SIGTERM)
        else:
            raise ToldToLeave

    def listen(self, launcher: "subprocess.Popen[str]") -> None:
        assert launcher.stdout is not None
        for line in launcher.stdout:
            self.said.append(line.rstrip("\n"))
            self.connected = self.connected or "connected to manager" in line
            write(line)

    def status(self, code: int) -> int:
        """What to exit with, from the launcher's status."""
        if self.leaving:
            return AGAIN
        if code == 0:
            return DONE
        last = self.said[-1] if self.said else "it said nothing"
        last = last.replace("pcm worker: ", "")
        if code == 2:
            raise Trouble(BROKEN, "the worker was refused: " + last)
        if code < 0:
            last = "killed by signal {}; {}".format(-code, last)
        raise Trouble(MACHINE_UNFIT, "the worker could not work: " + last)


# -- checks ------------------------------------------------------------------------------------


def check_gpus(wanted: int) -> None:
    """That every GPU (or MIG instance) which the job was given is there and answers."""
    named = "CUDA_VISIBLE_DEVICES", "_CONDOR_AssignedGPUs"
    text = next((os.environ[name] for name in named if os.environ.get(name)), "")
    given = [word.strip() for word in text.split(",") if word.strip()]
    if len(given) < wanted:
        reason = "{} GPUs were asked for, CUDA_VISIBLE_DEVICES is {!r}".format(wanted, text)
        raise Trouble(MACHINE_UNFIT, reason)
    program = shutil.which("nvidia-smi")
    if program is None:
        # Some containers lack it, though they have the device.
        if not any(name.startswith("nvidia") for name in os.listdir("/dev")):
            raise Trouble(MACHINE_UNFIT, "no NVIDIA driver here: neither nvidia-smi nor devices")
        return
    there = gpu_ids(output_of([program, "-L"], MACHINE_UNFIT))
    for name in given:
        if name.isdigit():
            found = int(name) < sum(id_.startswith("GPU-") for id_ in there)
        else:
            found = any(id_.startswith(name) for id_ in there)
        if not found:
            names = ", ".join(there) or "none"
            raise Trouble(MACHINE_UNFIT, "GPU {} was given; here are: {}".format(name, names))


def gpu_ids(listing: str) -> List[str]:
    """UUIDs of GPUs and MIG instances, from what ``nvidia-smi -L`` prints."""
    parts = listing.split("(UUID: ")[1:]
    return [part.partition(")")[0].strip() for part in parts]


def check_manager(address: str) -> None:
    """That its port can be reached. One where nobody listens may yet get its manager back."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        say("nobody listens at {}".format(address))
    except OSError as error:
        text = "the manager at {} cannot be reached from here ({}): is there a firewall?"
        raise Trouble(MACHINE_UNFIT, text.format(address, error))


def output_of(command: List[str], status: int, environment: Optional[Dict[str, str]] = None) -> str:
    """What a command prints. Raises Trouble if it fails or does not answer."""
    try:
        answer = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = "{} does not answer within {:g} s".format(command[0], COMMAND_SECONDS)
        raise Trouble(status, text)
    except OSError as error:
        raise Trouble(status, "{}: {}".format(command[0], error))
    if answer.returncode != 0:
        lines = (answer.stderr + answer.stdout).strip().splitlines()
        text = "{} failed: {}".format(command[0], lines[-1] if lines else answer.returncode)
        raise Trouble(status, text)
    return answer.stdout


def unpack(archive: str, target: str) -> None:
    os.mkdir(target)
    try:
        with tarfile.open(archive) as file:
            # Our own user made it: links and modes are as he wants them.
            more: Dict[str, Any] = (
                {"filter": "fully_trusted"} if hasattr(tarfile, "data_filter") else {}
            )
            file.extractall(target, **more)
    except (OSError, tarfile.TarError) as error:
        status = MACHINE_UNFIT if isinstance(error, OSError) else BROKEN
        raise Trouble(status, "{} cannot be unpacked: {}".format(archive, error))


# -- HTCondor ----------------------------------------------------------------------------------


def life() -> int:
    """How many times the job has been started, this time included; 1 if that is not known."""
    try:
        with open(os.environ["_CONDOR_JOB_AD"]) as file:
            fields = [line.partition("=") for line in file]
        return next(int(value) for name, _, value in fields if name.strip() == "NumShadowStarts")
    except (KeyError, OSError, StopIteration, ValueError):
        return 1


def chirp(name: str, text: str) -> None:
    """Set an attribute of the job, which the schedd has when the job has ended; at best."""
    path = os.environ.get("_CONDOR_CHIRP_CONFIG", "")
    line = " ".join(text.split())[:500].replace("\\", "/").replace('"', "'")
    try:
        with open(path) as file:
            host, port, cookie = file.read().split()
        with socket.create_connection((host, int(port)), CONNECT_SECONDS) as sock:
            stream = sock.makefile("rwb")
            value = '"{}"'.format(line).replace(" ", "\\ ")  # Blanks end a word of this protocol.
            for order in (
                "cookie {}".format(cookie),
                "set_job_attr_delayed {} {}".format(name, value),
            ):
                stream.write(order.encode() + b"\n")
                stream.flush()
                if not stream.readline().startswith(b"0"):
                    return
    except (OSError, ValueError):
        pass


def say(text: str) -> None:
    write("pcm glidein on {}: {}\n".format(socket.gethostname(), text))


def write(line: str) -> None:
    """Also from a signal's handler, where a buffered stream may not be used."""
    os.write(1, line.encode("utf-8", "replace"))


def parse(words: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manager", required=True, metavar="HOST:PORT")
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--kit", required=True, help="a zip of the workers package")
    parser.add_argument("--name", required=True, help="of the worker, but for its number")
    parser.add_argument("--pool", required=True, help="that the worker belongs to")
    parser.add_argument("--python-version", required=True, help="that the worker's must have")
    parser.add_argument("--python", default="", help="the worker's Python")
    parser.add_argument("--archive", default="", help="an environment to unpack")
    parser.add_argument("--packed", action="store_true", help="the job brings its software along")
    parser.add_argument("--scratch", default="", help="a directory for the worker's files")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--gpus", type=int, default=0)
    parser.add_argument("--trust-gpus", action="store_true", help="do not look for them")
    parser.add_argument("--grace", type=float, default=60.0, help="seconds")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds")
    parser.add_argument("--walltime", type=float, default=0.0, help="seconds; 0: no limit")
    parser.add_argument("--ssl", action="store_true")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(Glidein(parse(sys.argv[1:])).run())

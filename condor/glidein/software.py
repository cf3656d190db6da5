"""The worker's Python: found, or unpacked if it was sent, and looked at before it is used."""

import argparse
import json
import os
import shutil
import tarfile
from typing import Any, Dict, NoReturn

from .commands import output_of
from .trouble import BROKEN, MACHINE_UNFIT, Trouble

LOOK = """import importlib.util, json, sys
names = [name for name in ("msgspec", "cloudpickle") if importlib.util.find_spec(name) is None]
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "missing": names}))
"""


class Software:
    """What the worker runs on. Raises Trouble where it is not what the manager needs."""

    def __init__(self, options: argparse.Namespace, folder: str) -> None:
        self._options = options
        self.python = self._find_python(folder)
        self.environment = self._environment(folder)
        self._check()

    def _find_python(self, folder: str) -> str:
        options = self._options
        if options.archive:
            target = os.path.join(folder, "environment")
            python = os.path.join(target, options.python or "bin/python")
            unpack(options.archive, target)
            if not os.path.exists(python):
                raise Trouble(BROKEN, "{} holds no {}".format(options.archive, python))
            fix = os.path.join(target, "bin", "conda-unpack")
            if os.path.exists(fix):
                output_of([python, fix], BROKEN)
            return python
        wanted = options.python or "python3"
        found = shutil.which(wanted)
        if found is None:
            self._unfit("there is no Python {}".format(wanted))
        return os.path.abspath(found)

    def _environment(self, folder: str) -> Dict[str, str]:
        """For the worker: a container or a batch system may have left out the usual variables."""
        path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        given = dict(os.environ, PATH=os.path.dirname(self.python) + os.pathsep + path)
        given.setdefault("HOME", folder)
        given.pop("PYTHONPATH", None)
        return given

    def _check(self) -> None:
        status = BROKEN if self._options.packed else MACHINE_UNFIT
        wanted = self._options.python_version
        try:
            seen = json.loads(output_of([self.python, "-c", LOOK], status, self.environment))
        except ValueError as error:
            raise Trouble(status, "{} printed what is no answer: {}".format(self.python, error))
        if seen["python"] != wanted:
            self._unfit(
                "{} is Python {}, the manager's is {}, and code is pickled for one version".format(
                    self.python, seen["python"], wanted
                )
            )
        if seen["missing"]:
            self._unfit("{} has no {}".format(self.python, " and no ".join(seen["missing"])))
        if shutil.which("vine_worker", path=self.environment["PATH"]) is None:
            self._unfit("there is no vine_worker beside {} nor on PATH".format(self.python))

    def _unfit(self, reason: str) -> NoReturn:
        """What the node lacks; in an image or an archive it would lack it everywhere."""
        if self._options.packed:
            raise Trouble(BROKEN, reason + " (in what the job brings along)")
        raise Trouble(MACHINE_UNFIT, reason)


def unpack(archive: str, target: str) -> None:
    """Raises Trouble if it cannot be."""
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

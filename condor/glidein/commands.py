"""Commands with a time limit."""

import signal
import subprocess
from typing import Dict, List, Optional, Tuple

from .trouble import Trouble

LIMIT_SECONDS = 120.0
"""A driver that does not answer for so long is not fit for work."""

NOTICES = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What tells a job to leave."""


def output_of(command: List[str], status: int, environment: Optional[Dict[str, str]] = None) -> str:
    """What a command prints. Raises Trouble of this status if it fails or does not answer; the
    command is ended when a notice raises meanwhile."""
    try:
        code, output, errors = _run(command, environment)
    except subprocess.TimeoutExpired:
        text = "{} does not answer within {:g} s".format(command[0], LIMIT_SECONDS)
        raise Trouble(status, text)
    except OSError as error:
        raise Trouble(status, "{}: {}".format(command[0], error))
    if code != 0:
        lines = (errors + output).strip().splitlines()
        text = "{} failed: {}".format(command[0], lines[-1] if lines else code)
        raise Trouble(status, text)
    return output


def _run(command: List[str], environment: Optional[Dict[str, str]]) -> Tuple[int, str, str]:
    # A handler that raised within Popen would leave a process that nobody knows of. The command
    # inherits that notices wait: what ends it is SIGKILL.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NOTICES)
    process = None
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        output, errors = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, output, errors
    except BaseException:
        if process is not None:
            process.kill()
            process.communicate()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""Commands with a time limit."""

import subprocess
from typing import Dict, List, Optional

from .trouble import Trouble

LIMIT_SECONDS = 120.0
"""A driver that does not answer for so long is not fit for work."""


def output_of(command: List[str], status: int, environment: Optional[Dict[str, str]] = None) -> str:
    """What a command prints. Raises Trouble of this status if it fails or does not answer."""
    try:
        answer = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = "{} does not answer within {:g} s".format(command[0], LIMIT_SECONDS)
        raise Trouble(status, text)
    except OSError as error:
        raise Trouble(status, "{}: {}".format(command[0], error))
    if answer.returncode != 0:
        lines = (answer.stderr + answer.stdout).strip().splitlines()
        text = "{} failed: {}".format(command[0], lines[-1] if lines else answer.returncode)
        raise Trouble(status, text)
    return answer.stdout

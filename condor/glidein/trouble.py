"""Why there is no worker, and what the glidein exits with then."""

DONE, AGAIN, MACHINE_UNFIT, BROKEN = 0, 3, 75, 76
"""Exit statuses; ``condor/description.py`` says what becomes of the job."""


class Trouble(Exception):
    """Why there can be no worker; ``status`` is what the glidein exits with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ToldToLeave(BaseException):
    """A signal came before there was a worker to pass it on to."""

"""HTCondor's errors in the words of pcm, with the mend."""

from __future__ import annotations

import re
from typing import NamedTuple

from condor import credentials
from pcm.errors import EngineError


class CondorError(EngineError):
    """HTCondor did not do what was asked. ``transient``: it may, if asked again later."""

    def __init__(self, problem: str, mend: str = "", *, transient: bool = False) -> None:
        self.problem, self.mend, self.transient = problem, mend, transient
        super().__init__(problem + (f"; {mend}" if mend else ""))


LIMIT = "the schedd takes no more jobs of yours"


def is_limit(error: CondorError) -> bool:
    """Whether the schedd works, and only takes no more for now."""
    return LIMIT in error.problem


class _Known(NamedTuple):
    words: str
    problem: str
    mend: str
    transient: bool = False
    identity: bool = False
    """Whether it is about who the user is, so that his tokens may tell more."""


_GET_ONE = "get a new one as your pool has it: condor_token_fetch, kinit, or a new proxy"
_KNOWN = (
    _Known(
        r"No module named '(htcondor2|classad2)'",
        "this Python has no bindings of HTCondor",
        "pip install htcondor",
    ),
    _Known(
        r"Unable to locate (a )?local daemon|find address of (the )?(local )?schedd"
        r"|Failed to locate|unable to locate daemon",
        "there is no schedd here",
        "go to a submit node of your pool, or name its schedd and collector",
    ),
    _Known(
        r"token.*expired|expired.*(token|credential|certificate|proxy|ticket)|exp claim",
        "your credential has expired",
        _GET_ONE,
    ),
    _Known(
        r"Directory name doesn't match server's network address",
        "the schedd's HTCondor is older than these bindings, which refuse its proof of identity",
        "install the bindings of the pool's version (pip install 'htcondor==VERSION'), or set"
        " SEC_FS_ENFORCE_CHANNEL_BINDING = False in ~/.condor/user_config",
    ),
    _Known(
        r"(SECMAN:2010|Received).*DENIED|SCHEDD:2:PERMISSION DENIED",
        "HTCondor does not let you do that",
        "ask who runs the pool to let you use this schedd, or go to one that you may use",
    ),
    _Known(
        r"AUTHENTICATE:|Authentication (failed|Error)|failed to authenticate|SECMAN:20(02|03|10)",
        "HTCondor does not believe who you are",
        "check with `condor_ping -verbose WRITE`; your pool's manual says how to get a credential",
        identity=True,
    ),
    _Known(
        r"Setting job owner to .?root",
        "HTCondor takes no jobs of root",
        "work as an ordinary user",
    ),
    _Known(  # Numbers of NEWJOB_ERR_MAX_JOBS_...: in all, of one user, at once.
        r"MAX_JOBS_(SUBMITTED|PER_OWNER|PER_SUBMISSION|RUNNING)|too many jobs|jobs? limit"
        r"|Schedd says -[234]\b",
        LIMIT,
        "lower `most`, or remove jobs of yours that wait",
        True,
    ),
    _Known(
        r"Unable to commit transaction",
        "the schedd has a rule against such jobs",
        "change the class as it says: `attributes`, `accounting_group` and `submit` are for that",
    ),
    _Known(
        r"not authorized|DENIED|permission|EACCES|Operation not permitted|not allowed",
        "HTCondor does not let you do that",
        "submit as an ordinary user who may use this schedd: `condor_ping -verbose WRITE`",
    ),
    _Known(
        r"Unable to determine collector host",
        "no pool is configured here",
        "go to a submit node of your pool, or name its collector",
    ),
    _Known(
        r"communication with collector|connect to the remote daemon",
        "the pool's collector does not answer",
        "check its name (`collector`, else COLLECTOR_HOST); else ask who runs the pool",
        True,
    ),
    _Known(
        r"Failed to connect|connect to schedd|SECMAN:2007|CEDAR:6001|Connection (refused|reset)"
        r"|timed? ?out|Failed to fetch ads|performing action on the schedd",
        "the schedd does not answer",
        "it may be starting again; else ask who runs it",
        True,
    ),
)


def translated(error: BaseException | str, doing: str) -> CondorError:
    """``doing``: what was tried, as in "submitting glideins"."""
    text = " ".join(str(error).split())
    for known in _KNOWN:
        if re.search(known.words, text, re.IGNORECASE):
            if known.identity and (expired := credentials.expired_now()):
                return CondorError(f"{doing}: {known.problem}: {expired} ({text})", _GET_ONE)
            problem = f"{doing}: {known.problem} ({text})"
            return CondorError(problem, known.mend, transient=known.transient)
    return CondorError(f"{doing}: {text}")


_HOLDS = (
    (12, "an output file could not be brought back", "see the machine's disk and the network"),
    (13, "a file could not be sent to the machine", "see that the files of the run directory are"
     " there, and readable to you"),
    (6, "the job's program could not be started", "see its output, and the image if it has one"),
    (21, "a policy of the machine holds it", "if it used more than it had asked for, ask for more;"
     " else ask who runs the pool"),
    (26, "a policy of the schedd or the machine holds it", "ask who runs the pool"),
    (34, "it used more memory than it had asked for", "give a larger `memory`"),
    (35, "the machine could make no container of its image", "see that the name of the image is"
     " right, and that nodes may fetch it"),
    (45, "its container image could not be run there", "condor_release lets it try another machine;"
     " if they all say so, see the image"),
    (46, "it lasted longer than the pool allows jobs to", "give a `walltime` below that"),
    (47, "it ran longer than the pool allows jobs to", "give a `walltime` below that"),
    (1, "a user held it", "condor_release lets it go on"),
)  # fmt: skip


def hold_mend(code: int) -> str:
    """What may help where a job is held with this code (HoldReasonCode in HTCondor's manual)."""
    return next((f"{what}: {mend}" for known, what, mend in _HOLDS if known == code), "")

"""What glideins need: the bindings and the tools of HTCondor."""

from __future__ import annotations

from pcm.doctor.base import Check, Section
from pcm.doctor.commands import importable
from pcm.doctor.taskvine import program


def htcondor() -> Section:
    """Needed to get workers from a pool; not for runs on this machine."""
    tools = "go to a submit host of your pool; to try a pool of your own: apt install minicondor"
    return Section("HTCondor pool", [_module(), program("condor_submit", tools)])


def _module() -> Check:
    mend = "pip install htcondor"
    answer = importable("htcondor2")
    if answer.code == 0:
        return Check("htcondor2", "ok")
    if "No module named 'htcondor2'" in answer.last_line:
        return Check("htcondor2", "missing", "not installed for this Python", mend)
    return Check("htcondor2", "broken", answer.last_line, mend)

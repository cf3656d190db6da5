"""HTCondor's errors, as it words them, and what pcm says."""

from __future__ import annotations

import pytest

from condor import credentials
from condor.faults import hold_mend, translated

SEEN = {
    "Unable to locate local daemon.": ("there is no schedd here", False),
    "No module named 'htcondor2'": ("no bindings of HTCondor", False),
    "Failed to fetch ads from schedd, errmsg=SECMAN:2007:Failed to read resume session response"
    " classad from server.": ("does not answer", True),
    "Failed to fetch ads from schedd, errmsg=AUTHENTICATE:1003:Failed to authenticate with any"
    " method|FS:1004:Directory name doesn't match server's network address.": ("older", False),
    "AUTHENTICATE:1003:Failed to authenticate with any method": ("who you are", False),
    "SECMAN: IDTOKENS: the token has expired": ("credential has expired", False),
    "Failed to connect to schedd.": ("does not answer", True),
    "Number of submitted jobs would exceed MAX_JOBS_PER_OWNER": ("takes no more", True),
    "SCHEDD:2:PERMISSION DENIED": ("does not let you", False),
    'Failed to connect to schedd, errmsg=SECMAN:2010:Received "DENIED" from server for user'
    " ann@example.org using method FS.": ("does not let you", False),
    "Failed to connect to schedd, errmsg=SECMAN:2002:Configuration Problem: The security policy is"
    " invalid.": ("who you are", False),
    'Unable to commit transaction, SCHEDD:2:Setting job owner to "root" is not permitted': (
        "no jobs of root",
        False,
    ),
    "Unable to commit transaction, SCHEDD:2:set a ProjectName, it is not allowed without": (
        "a rule against such jobs",
        False,
    ),
    "expected next ProcId to be 0, but Schedd says -3": ("takes no more", True),
    "Failed communication with collector.": ("collector does not answer", True),
    "Unable to determine collector host.": ("no pool is configured", False),
    "Error when performing action on the schedd.": ("does not answer", True),
}


@pytest.mark.parametrize(("words", "meaning"), SEEN.items(), ids=range(len(SEEN)))
def test_known_errors(words: str, meaning: tuple[str, bool]) -> None:
    error = translated(RuntimeError(words), "submitting glideins")
    assert error.problem.startswith("submitting glideins: ")
    assert meaning[0] in error.problem
    assert " ".join(words.split()) in error.problem
    assert error.transient == meaning[1]
    assert error.mend


def test_an_expired_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "AUTHENTICATE:1004:Failed to authenticate using IDTOKENS"
    monkeypatch.setattr(credentials, "expired_now", lambda: "your token t expired at noon")
    error = translated(said, "submitting glideins")
    assert "does not believe who you are: your token t expired at noon" in error.problem
    assert "condor_token_fetch" in error.mend
    assert "t expired" not in translated("Connection refused", "x").problem


def test_an_unknown_error_is_told_as_it_is() -> None:
    error = translated("the moon is full", "removing glideins")
    assert str(error) == "removing glideins: the moon is full"
    assert not error.transient


def test_holds() -> None:
    assert "condor_release" in hold_mend(1)
    assert hold_mend(3) == ""
    assert "image" in hold_mend(45)
    assert "`walltime`" in hold_mend(46)
    assert "`walltime`" in hold_mend(47)

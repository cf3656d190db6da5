"""HTCondor's errors, as it words them, and what pcm says."""

from __future__ import annotations

import pytest

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
}


@pytest.mark.parametrize(("words", "meaning"), SEEN.items(), ids=range(len(SEEN)))
def test_known_errors(words: str, meaning: tuple[str, bool]) -> None:
    error = translated(RuntimeError(words), "submitting glideins")
    assert error.problem.startswith("submitting glideins: ")
    assert meaning[0] in error.problem
    assert " ".join(words.split()) in error.problem
    assert error.transient == meaning[1]
    assert error.mend


def test_an_unknown_error_is_told_as_it_is() -> None:
    error = translated("the moon is full", "removing glideins")
    assert str(error) == "removing glideins: the moon is full"
    assert not error.transient


def test_holds() -> None:
    assert "condor_release" in hold_mend(1)
    assert hold_mend(3) == ""

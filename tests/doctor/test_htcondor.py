from __future__ import annotations

from pathlib import Path

import pytest

from pcm.doctor.condor_pool import models
from pcm.doctor.htcondor import gpus_found, ping_found, schedd_found, tokens_found
from tests.condor.test_credentials import token


def test_a_schedd_that_answers_and_one_that_is_not_there() -> None:
    assert schedd_found({"glideins": 1}).detail == "answers; 1 glidein in its queue"
    check = schedd_found({"problem": "there is no schedd", "mend": "go to one"})
    assert (check.state, check.detail, check.mend) == ("missing", "there is no schedd", "go to one")
    assert schedd_found({"problem": "odd", "mend": ""}).mend


def test_gpus_are_told_by_model() -> None:
    found = gpus_found({"models": {"A100": 2, "V100": 3}})
    assert (found.state, found.detail) == ("ok", "2 A100, 3 V100")
    assert gpus_found({"models": {}}).state == "note"
    assert gpus_found({"problem": "no collector", "mend": ""}).state == "missing"


def test_gpus_of_newer_and_older_pools_are_counted() -> None:
    classad2 = pytest.importorskip("classad2")
    newer = classad2.ClassAd(
        {
            "AssignedGPUs": "GPU-1, GPU-2",
            "GPUs_GPU_1": classad2.ClassAd({"DeviceName": "A100"}),
            "GPUs_GPU_2": classad2.ClassAd({"DeviceName": "A100"}),
        }
    )
    older = classad2.ClassAd({"AssignedGPUs": "CUDA0", "CUDADeviceName": "K80"})
    bare = classad2.ClassAd({"AssignedGPUs": "CUDA0"})
    none = classad2.ClassAd({"Machine": "cpu"})
    found = models([newer, older, bare, none])
    assert found == {"A100": 2, "K80": 1, "of an unknown model": 1}


def test_whether_this_user_may_submit() -> None:
    said = "WRITE command using (AES, AES, and FS) succeeded as ann@pool to schedd.\n"
    assert ping_found(0, said).state == "ok"
    refused = ping_found(1, "\nWRITE failed!\nSECMAN:2010:  DENIED\n")
    assert refused.state == "broken"
    assert "does not let you do that (SECMAN:2010: DENIED)" in refused.detail
    assert "exit code 1" in ping_found(1, "").detail
    assert ping_found(1, "").mend


def test_tokens_that_hold_and_that_have_expired(tmp_path: Path) -> None:
    assert tokens_found(tmp_path, 0.0).state == "note"
    (tmp_path / "t").write_text(token(exp=1000))
    assert tokens_found(tmp_path, 0.0).detail == "1 token; the last ends in 16 min 40 s"
    assert "expired at 1970-01-01 00:16:40 UTC" in tokens_found(tmp_path, 1002.0).detail
    (tmp_path / "u").write_text(token())
    assert tokens_found(tmp_path, 1002.0).detail == "2 tokens"

"""Submit descriptions: what HTCondor's own parser makes of them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from condor.description import describe, text
from condor.expressions import check
from condor.invitation import Invitation
from pcm.errors import InputError

htcondor2 = pytest.importorskip("htcondor2")
classad2 = pytest.importorskip("classad2")

INVITATION = Invitation("head.example.org:9123", Path("/x/secret"), python="3.11")


def described(**options: Any) -> dict[str, str]:
    given: dict[str, Any] = {"name": "a100", "most": 20} | options
    return describe(Glideins(**given), INVITATION, "run-1", Path("/runs/1"))


def arguments(commands: dict[str, str]) -> list[str]:
    quoted = commands["arguments"]
    assert quoted[0] == quoted[-1] == '"'
    return quoted[1:-1].split(" ")


def evaluated(expression: str, **attributes: Any) -> object:
    ad = classad2.ClassAd({"NumHolds": 1, **attributes})
    return classad2.ExprTree(expression).eval(ad)


def test_the_bindings_take_it_and_the_file_says_the_same() -> None:
    commands = described(gpu_memory="40 GB", capability=8.0, walltime="8 h")
    submit = htcondor2.Submit(commands)
    for name, value in commands.items():
        assert submit[name] == value
    again = htcondor2.Submit(text(commands, 3))
    assert dict(again.items()) == dict(submit.items())
    assert again.getQArgs() == "3"


def test_what_it_asks_for() -> None:
    commands = described(
        gpus=2, gpu_memory="40 GB", capability=8.0, require_gpus='DeviceName != "X"', cpus=4
    )
    assert commands["request_gpus"] == "2"
    assert commands["require_gpus"] == (
        'GlobalMemoryMb >= 38147 && Capability >= 8.0 && (DeviceName != "X")'
    )
    assert (commands["request_cpus"], commands["request_memory"]) == ("4", "7630")
    assert commands["request_disk"] == "9765625"
    assert "request_gpus" not in described(gpus=0)


def test_what_the_glidein_is_told() -> None:
    told = arguments(described(walltime="8 h", python="/opt/env/bin/python", check_gpus=False))
    assert told[:2] == ["--manager", "head.example.org:9123"]
    options = dict(itertools.pairwise(told))
    assert options["--name"] == "g.a100.$(Cluster).$(Process)"
    assert (options["--walltime"], options["--grace"]) == ("28800", "60")
    assert options["--python"] == "/opt/env/bin/python"
    assert "--trust-gpus" in told
    assert "--gpu-memory" not in told
    told = arguments(described(gpu_memory="40 GB"))
    assert told[told.index("--gpu-memory") + 1] == "38147"  # In MiB, as GlobalMemoryMb.
    assert "--packed" not in told
    assert "secret" not in " ".join(told)


def test_software_that_the_job_brings_along(tmp_path: Path) -> None:
    assert "--packed" in arguments(described(image="docker://org/pcm:1"))
    (tmp_path / "env.tar.gz").touch()
    archive = described(archive=tmp_path / "env.tar.gz")
    assert archive["transfer_input_files"].endswith(f", {tmp_path}/env.tar.gz")
    options = arguments(archive)
    assert options[options.index("--archive") + 1] == "env.tar.gz"


def test_where_an_image_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pcm.sif").touch()
    (tmp_path / "image").mkdir()
    for image, sent, stays in (
        ("docker://org/pcm:1", "docker://org/pcm:1", False),
        ("osdf:///ospool/me/pcm.sif", "osdf:///ospool/me/pcm.sif", False),
        ("pcm.sif", f"{tmp_path}/pcm.sif", False),
        ("/cvmfs/images/pcm", "/cvmfs/images/pcm", True),
        ("/cvmfs/images/pcm.sif", "/cvmfs/images/pcm.sif", True),
        (f"{tmp_path}/image", f"{tmp_path}/image", True),
    ):
        commands = described(image=image)
        assert (commands["universe"], commands["container_image"]) == ("container", sent)
        assert (commands.get("transfer_container") == "false") == stays
        # HTCondor takes the absolute path of an executable for one in the image.
        assert commands["transfer_executable"] == "true"
    assert "transfer_executable" not in described()


@pytest.mark.parametrize("image", ["gone.sif", "image", "pcm.img"])
def test_an_image_that_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image").mkdir()
    (tmp_path / "pcm.img").touch()
    with pytest.raises(InputError, match=f"{image} is neither a .sif file here") as raised:
        described(image=image)
    assert raised.value.field == "image"


def test_attributes_and_lines_of_the_user() -> None:
    commands = described(
        attributes={"+ProjectName": '"P"', "WantX": "true"},
        submit={"concurrency_limits": "gpu:1"},
        environment={"A": 'it\'s "it"', "B": ""},
        accounting_group="g",
        accounting_user="u",
        rank="Memory",
    )
    assert (commands["My.ProjectName"], commands["My.WantX"]) == ('"P"', "true")
    assert commands["concurrency_limits"] == "gpu:1"
    assert commands["environment"] == "\"A='it''s \"\"it\"\"' B=''\""
    assert (commands["accounting_group"], commands["accounting_group_user"]) == ("g", "u")
    assert commands["rank"] == "Memory"


@pytest.mark.parametrize(
    ("status", "signal", "fate"),
    [
        (0, False, "removed"),
        (1, False, "held"),
        (3, False, "queued"),
        (75, False, "held"),
        (76, False, "held"),
        (9, True, "queued"),
    ],
)
def test_what_becomes_of_a_job_that_exits(status: int, signal: bool, fate: str) -> None:
    commands = described()
    seen = {"ExitBySignal": signal, "ExitSignal" if signal else "ExitCode": status}
    held = evaluated(commands["on_exit_hold"], **seen) is True
    removed = evaluated(commands["on_exit_remove"], **seen) is True
    assert ("held" if held else "removed" if removed else "queued") == fate


def test_why_a_job_is_held() -> None:
    reason = described()["on_exit_hold_reason"]
    seen = {"MachineAttrMachine0": "n1", "ChirpPcmTrouble": "no GPU"}
    assert evaluated(reason, ExitCode=75, **seen) == "machine n1: no GPU"
    assert evaluated(reason, ExitCode=76, **seen) == "this glidein is broken: no GPU"
    assert evaluated(reason, ExitCode=1) == "this glidein is broken: its output says why"
    assert evaluated(reason, ExitCode=75) == "machine ?: its output says why"


def test_a_job_on_an_unfit_machine_is_released_later_and_later_and_at_last_not() -> None:
    release = re.sub(r"time\(\)", "Now", described()["periodic_release"])
    held = {"HoldReasonCode": 3, "HoldReasonSubCode": 75, "EnteredCurrentStatus": 0}
    assert evaluated(release, **held, Now=59) is False
    assert evaluated(release, **held, Now=61) is True
    assert evaluated(release, **held | {"NumHolds": 3}, Now=61) is False
    assert evaluated(release, **held | {"NumHolds": 3}, Now=241) is True
    assert evaluated(release, **held | {"NumHolds": 5}, Now=10**6) is False
    assert evaluated(release, **held | {"HoldReasonCode": 1}, Now=10**6) is False
    assert evaluated(release, **held | {"HoldReasonSubCode": 76}, Now=10**6) is False


def test_it_stays_away_from_machines_that_were_unfit() -> None:
    requirements = described(requirements="TARGET.Wanted")["requirements"]
    tree = classad2.ExprTree(requirements)
    job = {"PcmAvoid": "", "MachineAttrMachine0": "n1", "MachineAttrMachine1": "n2"}

    def matches(machine: str, **attributes: Any) -> bool:
        target = classad2.ClassAd({"Machine": machine, "Wanted": machine != "n9"})
        return tree.eval(classad2.ClassAd(job | attributes), target) is True

    assert matches("n1")  # It was evicted there, no more.
    assert not matches("n1", LastHoldReasonSubCode=75)
    assert not matches("n2", LastHoldReasonSubCode=75)
    assert matches("n3", LastHoldReasonSubCode=75)
    assert not matches("n3", PcmAvoid="n3,n4")
    assert not matches("n9")


def test_a_vacated_job_has_time_for_its_grace() -> None:
    assert int(described(grace="90 s")["job_max_vacate_time"]) > 90
    assert described()["want_graceful_removal"] == "true"


def test_a_job_that_outstays_its_walltime_is_removed() -> None:
    remove = re.sub(r"time\(\)", "Now", described(walltime="1 h")["periodic_remove"])
    running = {"JobStatus": 2, "EnteredCurrentStatus": 0}
    assert evaluated(remove, **running, Now=3600) is False
    assert evaluated(remove, **running, Now=4201) is True
    assert evaluated(described()["periodic_remove"], **running) is not True


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("requirements", {"requirements": "Machine == "}),
        ("rank", {"rank": ")"}),
        ("require_gpus", {"require_gpus": "Capability >="}),
        ("attributes: P", {"attributes": {"P": "it is"}}),
    ],
)
def test_what_is_no_expression_is_found_before_a_job_is(field: str, options: Any) -> None:
    with pytest.raises(InputError) as raised:
        check(Glideins(name="x", most=1, **options))
    assert raised.value.field == field

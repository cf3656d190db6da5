from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import RUN, Project, ended

SLOW = RUN + "arguments: {pause: 0.03}\nbatch: 5\n"


def test_a_run_that_succeeds(project: Project) -> None:
    end = project.pcm("run", "run.yaml")
    assert end.code == 0, end
    assert "products: 10 items, 10 succeeded, 0 failed" in end.stdout
    assert f"results: {project.folder / 'out' / 'results.jsonl'}" in end.stdout
    rows = project.rows()
    assert [(row["id"], row["product"]) for row in rows] == [(f"i{n}", 2 * n) for n in range(10)]


def test_json_is_one_object_and_nothing_else(project: Project) -> None:
    end = project.pcm("run", "run.yaml", "--json", "--workers", "2", "--limit", "4")
    assert (end.code, end.stderr) == (0, "")
    assert len(end.stdout.splitlines()) == 1
    answer = end.answer
    assert answer["items"] == answer["succeeded"] == 4
    assert answer["outcome"] == "completed"
    assert answer["exit_code"] == 0
    assert answer["outputs"] == [str(project.folder / "out" / "results.jsonl")]
    assert answer["directory"] == str(project.folder / "out")


def test_the_same_command_again_computes_nothing_anew(project: Project) -> None:
    assert project.pcm("run", "run.yaml").code == 0
    before = project.rows()
    assert project.pcm("run", "run.yaml").code == 0
    assert project.rows() == before, "the same workers, the same seconds"


def test_failed_items_give_3(project: Project) -> None:
    project.items(20)
    end = project.pcm("run", "run.yaml")
    assert end.code == 3, end
    assert "20 items, 19 succeeded, 1 failed" in end.stdout
    assert "1 item failed (such as 'i13'): ZeroDivisionError: no" in end.stdout
    assert "pcm report" in end.stdout
    assert project.rows()[13]["error"]["type"] == "ZeroDivisionError"


def test_a_run_that_fails_gives_1_and_shows_the_users_traceback(project: Project) -> None:
    project.replace("constant\n", "constant\n  arguments: {fail: true}\n")
    end = project.pcm("run", "run.yaml")
    assert end.code == 1, end
    assert "LookupError: there are no weights" in end.stderr
    assert f"pcm resume {project.folder / 'out'}" in end.stdout
    assert "pcm/manager" not in end.stderr
    assert not (project.folder / "out" / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: products", "nmae: products", "run.yaml:1: nmae: unknown field; did you mean name?"),
        ("items.jsonl", "absent.jsonl", "run.yaml:6: items.file: there is no file"),
        ("key: id", "key: n_o", "items.jsonl:1: n_o: is missing"),
        ("task.py:product", "task.py:produce", "run.yaml:2: task: task.py has no 'produce'"),
        ("directory: out", "directory: /dev/null/x", "run.yaml:8: directory: "),
        ("directory: out", "engine: warp", "run.yaml:8: engine: no engine is called 'warp'; use"),
        ("directory: out", "workers: 0", "run.yaml:8: workers: is 0, and this engine takes no"),
    ],
)
def test_bad_input_gives_2_and_starts_nothing(
    project: Project, old: str, new: str, words: str
) -> None:
    project.replace(old, new)
    end = project.pcm("run", "run.yaml", "--json")
    assert end.code == 2, end
    assert words in end.stderr
    assert "Traceback" not in end.stderr
    assert (end.answer["exit_code"], words in end.answer["error"]) == (2, True)
    assert not (project.folder / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "0"], "workers: is 0, and this engine takes no workers from outside"),
        (["--listen", "9123"], "--listen: goes with the taskvine engine; add --engine taskvine"),
        (
            ["--engine", "taskvine", "--password-file", "absent"],
            "password_file: cannot be read ([Errno 2]",
        ),
    ],
)
def test_engine_options_that_do_not_fit_give_2(
    project: Project, options: list[str], words: str
) -> None:
    for more in ([], ["--check"]):
        end = project.pcm("run", "run.yaml", *options, *more)
        assert end.code == 2, end
        assert words in end.stderr
        assert not (project.folder / "out").exists()


def test_another_run_in_the_directory_gives_2(project: Project) -> None:
    assert project.pcm("run", "run.yaml").code == 0
    project.replace("constant\n", "constant\n  arguments: {value: 3}\n")
    end = project.pcm("run", "run.yaml")
    assert end.code == 2, end
    assert "different run" in end.stderr


def test_check_starts_nothing(project: Project) -> None:
    end = project.pcm("run", "run.yaml", "--check")
    assert (end.code, end.stdout) == (0, "products: 10 items; nothing is wrong\n")
    assert not (project.folder / "out").exists()


def test_the_schema(project: Project) -> None:
    end = project.pcm("run", "--schema")
    assert end.code == 0
    assert "failure_limit" in json.loads(end.stdout)["properties"]


@pytest.mark.kills
def test_ctrl_c_stops_in_good_order_and_the_run_can_be_resumed(project: Project) -> None:
    project.items(150)
    project.write(SLOW)
    process = project.start("run", "run.yaml", "--workers", "1")
    wait_for_rows(project)
    busy = project.pcm("run", "run.yaml")
    assert (busy.code, str(process.pid) in busy.stderr) == (2, True), busy
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: its workers hear it, too
    end = ended(process)
    assert end.code == 130, end
    assert "stopping" in end.stderr
    assert f"go on with: pcm resume {project.folder / 'out'}" in end.stdout
    assert "Traceback" not in end.stderr
    status = project.pcm("status", "out", "--json").answer
    assert 0 < status["finished"] < 150
    assert status["state"] == "cancelled"
    resumed = project.pcm("run", "run.yaml", "--workers", "2")
    assert resumed.code == 3, resumed
    assert len({row["id"] for row in project.rows()}) == len(project.rows()) == 150


@pytest.mark.kills
def test_a_second_ctrl_c_ends_at_once_and_leaves_no_worker(project: Project) -> None:
    project.items(50)
    project.write(RUN + "arguments: {pause: 60}\n")
    process = project.start("run", "run.yaml", "--workers", "1")
    try:
        children = wait_for_work(project, process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert ended(process).code == 130
        _, alive = psutil.wait_procs(children, timeout=20)
        assert not alive
    finally:
        process.kill()


def wait_for_rows(project: Project) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        end = project.pcm("status", "out", "--json")
        if end.code == 0 and end.answer["finished"] > 0:
            return
    raise AssertionError("no item was finished")


def wait_for_work(project: Project, process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes of the run, once its first batch was sent."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if dispatched(project.folder / "out"):
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.1)
    raise AssertionError("no batch was sent")


def dispatched(directory: Path) -> bool:
    from pcm.errors import PcmError
    from pcm.journal import JournalReader

    try:
        with JournalReader(directory) as reader:
            return any(True for _ in reader.events(kinds=["Dispatch"]))
    except PcmError:
        return False

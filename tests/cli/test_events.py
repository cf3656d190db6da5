from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pcm.cli import events as verb
from pcm.cli.app import app
from pcm.core.events import ItemsDone
from pcm.journal import Journal, JournalReader
from pcm.journal.selection import Selection
from tests.report.logs import BEGIN, STARTED, STOPPED, dispatch, joined, logged, write


def events(directory: Path, *options: str, code: int = 0) -> list[str]:
    shown = CliRunner().invoke(app, ["events", str(directory), *options])
    assert shown.exit_code == code, shown
    return shown.stdout.splitlines()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    log = [
        (0, STARTED),
        (1, joined()),
        (2.5, dispatch(7, ((0, 4),))),
        (3, dispatch(8, ((4, 6),))),
        (4, ItemsDone(7, (0, 1, 2))),
        (5, STOPPED),
    ]
    write(tmp_path, log)
    return tmp_path


def test_entries_are_lines_for_people(run: Path) -> None:
    lines = events(run)
    assert len(lines) == 6
    date, clock, seq, kind, *text = lines[2].split()
    assert (len(date), clock[-4:], seq, kind) == (10, ".500", "3", "Dispatch")
    assert " ".join(text) == "batch 7 of 4 items to worker w1, about 1.0 s"


def test_entries_are_found_by_what_they_are_about(run: Path) -> None:
    assert [line.split()[2] for line in events(run, "--batch", "7")] == ["3", "5"]
    assert [line.split()[2] for line in events(run, "--worker", "w1")] == ["2", "3", "4", "5"]
    assert [line.split()[2] for line in events(run, "--item", "key-1")] == ["3", "5"]
    assert [line.split()[2] for line in events(run, "--item", "key-3")] == ["3"]
    kinds = events(run, "--kind", "dispatch", "--kind", "WorkerJoined")
    assert [line.split()[2] for line in kinds] == ["2", "3", "4"]
    assert len(events(run, "--since", str(BEGIN + 3))) == 3


def test_programs_get_an_object_on_each_line(run: Path) -> None:
    found = [json.loads(line) for line in events(run, "--json", "--batch", "8")]
    assert [(one["seq"], one["at"], one["kind"]) for one in found] == [(4, BEGIN + 3, "Dispatch")]
    assert found[0]["body"]["ranges"] == [[4, 6]]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--kind", "Dispatched"), "there is no kind 'Dispatched'; give one of ActionTaken, "),
        (("--item", "nothing"), "no item has the key 'nothing'"),
        (("--since", "soon"), "'soon' is no moment"),
    ],
)
def test_what_cannot_be_is_said(run: Path, options: tuple[str, ...], problem: str) -> None:
    (line,) = events(run, "--json", *options, code=2)
    assert problem in json.loads(line)["error"]


def test_where_nobody_works_there_is_nothing_to_follow(run: Path, tmp_path: Path) -> None:
    assert len(events(run, "--follow")) == 6
    events(tmp_path / "nothing", code=2)


def test_what_is_followed_is_shown_as_it_comes_and_to_its_end(run: Path) -> None:
    more = [(entry.at, entry.kind, entry.body) for entry in logged([(9, joined("w2"))])]
    journal = Journal.open(run)
    pauses = 0

    def sleep(_: float) -> None:
        nonlocal pauses
        pauses += 1
        journal.log(more)
        journal.commit()
        if pauses == 2:
            journal.close()

    with JournalReader(run) as reader:
        found = list(verb._selected(reader, Selection(), follow=True, sleep=sleep))
    assert [entry.seq for entry in found] == list(range(1, 9))

"""A run while it is worked on: what is logged is seen, by the stream and by every answer."""

from __future__ import annotations

import contextlib
from contextlib import closing
from pathlib import Path

from pcm.core.events import BatchDone, ItemsDone
from pcm.journal import Journal
from tests.dashboard import runs
from tests.dashboard.served import Served, await_told
from tests.report.logs import STOPPED, dispatch

TAIL = [
    (91.0, dispatch(5, ((6, 10), (15, 20)))),
    (95.0, ItemsDone(5, tuple(range(9)))),
    (95.0, BatchDone(5, 4.0)),
]


def test_what_is_logged_is_told(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with contextlib.ExitStack() as stack:
        with runs.at_work(directory) as journal:
            served = stack.enter_context(Served(directory, token_file=tmp_path / "token"))
            told = stack.enter_context(closing(served.stream(runs.RUN)))
            seq = len(runs.story())
            first = await_told(told, "overview", lambda overview: overview["seq"] == seq)
            assert first.id == seq
            assert first.data["head"]["state"] == "running"
            runs.log_more(journal, TAIL)
            done = await_told(told, "overview", lambda overview: overview["head"]["finished"] == 20)
            assert done.id == seq + len(TAIL)
            runs.log_more(journal, [(96.0, STOPPED)])
            journal.finish("completed", "", runs.BEGIN + 96)
        await_told(told, "runs", lambda heads: heads[0]["state"] == "completed")


def test_a_manager_that_was_killed_is_not_taken_for_one_at_work(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with runs.at_work(directory):
        pass  # Neither its log nor its journal tells of an end.
    with Served(directory, token_file=tmp_path / "token") as served:
        (head,) = served.ask("/api/runs").json
        assert (head["state"], head["can_act"]) == ("interrupted", False)


def test_runs_that_come_to_a_folder_are_shown(tmp_path: Path) -> None:
    runs.finished(tmp_path / "runs" / "one")
    with (
        Served(tmp_path / "runs", token_file=tmp_path / "token") as served,
        closing(served.stream("")) as told,
    ):
        runs.finished(tmp_path / "runs" / "two", run="run-2")
        await_told(
            told, "runs", lambda heads: {head["run"] for head in heads} == {"run-1", "run-2"}
        )


def test_another_run_in_the_same_directory_takes_its_place(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    runs.finished(directory)
    with Served(directory, token_file=tmp_path / "token") as served:
        assert served.ask(f"/api/runs/{runs.RUN}/overview").json["head"]["finished"] == 11
        for file in directory.iterdir():
            file.unlink()
        with (
            runs.at_work(directory, runs.story()[:10]),
            closing(served.stream(runs.RUN)) as told,
        ):
            await_told(told, "overview", lambda overview: overview["seq"] == 10)


def test_a_server_that_comes_again_knows_the_browser_and_goes_on_where_it_was(
    tmp_path: Path,
) -> None:
    directory, token_file = tmp_path / "run", tmp_path / "token"
    with runs.at_work(directory) as journal:
        with Served(directory, token_file=token_file) as served:
            cookie = served.ask(served.url[served.url.index("/?") :], authorization="")
            session = cookie.headers["set-cookie"].partition(";")[0]
            port = served.port
        with Served(directory, token_file=token_file, port=port) as served:
            assert served.ask("/api/runs", authorization="", cookie=session).status == 200
            with closing(served.stream(runs.RUN, seen=len(runs.story()))) as told:
                first = await_told(told, "overview", lambda _: True)
            assert first.id == len(runs.story())
            _log_on(journal)
            with closing(served.stream(runs.RUN, seen=first.id)) as told:
                await_told(told, "overview", lambda overview: overview["head"]["finished"] == 20)


def _log_on(journal: Journal) -> None:
    runs.log_more(journal, TAIL)

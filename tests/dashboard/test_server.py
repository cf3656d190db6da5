"""The server as its users have it: every route, its refusals, and answers about any moment."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.dashboard import runs
from tests.dashboard.served import Served

END = runs.BEGIN + runs.END_SECONDS


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("dashboard")
    runs.finished(folder / "runs" / "one")
    runs.finished(folder / "runs" / "copy")
    with Served(folder / "runs", token_file=folder / "token") as server:
        yield server


def about(served: Served, part: str) -> Any:
    reply = served.ask(f"/api/runs/{runs.RUN}/{part}")
    assert reply.status == 200, reply
    return reply.json


# -- answers ---------------------------------------------------------------------------------------


def test_answers_are_as_the_schema_says(served: Served) -> None:
    schema = served.ask("/api/schema").json
    assert schema["openapi"].startswith("3.1")
    asked = 0
    for path, methods in schema["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" in content:
            answer = served.ask(path.replace("{run}", runs.RUN))
            assert answer.status == 200, path
            expected = content["application/json"]["schema"] | {"components": schema["components"]}
            jsonschema.Draft202012Validator(expected).validate(answer.json)
            asked += 1
    assert asked == 10


def test_a_run_and_its_copy_are_told_apart(served: Served) -> None:
    heads = served.ask("/api/runs").json
    assert {head["run"] for head in heads} == {runs.RUN, f"{runs.RUN}-2"}
    assert all(head["state"] == "completed" and not head["can_act"] for head in heads)


def test_any_moment_can_be_asked_for(served: Served) -> None:
    before, after = about(served, f"overview?at={runs.BEGIN + 30}"), about(served, "overview")
    assert (before["head"]["finished"], before["crew"]["working"]) == (0, 2)
    assert (after["head"]["finished"], after["evictions"]) == (11, 1)
    assert about(served, f"overview?at={END + 1e6}")["at"] == END
    assert about(served, "overview?at=0")["at"] == runs.BEGIN


def test_workers_and_their_lanes(served: Served) -> None:
    page = about(served, f"workers?at={runs.BEGIN + 30}&sort=kind&descending=true&limit=1")
    assert (page["total"], page["rows"][0]["worker"]) == (2, "w1")
    terms = page["rows"][0]["placement"]["terms"]
    assert [term["worker"] for term in terms] == ["w1", "w2"]
    lanes = about(served, "timeline?columns=50")["lanes"]
    assert [lane["worker"] for lane in lanes] == ["w1", "w2"]
    assert {span[2] for lane in lanes for span in lane["spans"]} >= {"loading", "useful", "lost"}


def test_items_that_were_given_up(served: Served) -> None:
    page = about(served, "items")
    assert [row["verdict"] for row in page["rows"]] == ["quarantined", "failed"]
    quarantined, failed = page["rows"]
    assert quarantined["history"] == ["died on w2", "died on w3"]
    assert (failed["error"], failed["message"]) == ("ValueError", f"boom {runs.HOSTILE}")
    assert [attempt["message"] for attempt in failed["attempts"]] == ["before", failed["message"]]
    assert about(served, f"items?at={runs.BEGIN + 50}")["total"] == 1
    for search, total in (("BOOM", 1), ("key-5", 1), ("valueerror", 1), ("nowhere", 0), ("", 2)):
        assert about(served, f"items?search={search}")["total"] == total
    assert about(served, "items?verdict=failed&offset=1") == {"at": END, "total": 1, "rows": []}


def test_items_are_exported_line_by_line(served: Served) -> None:
    reply = served.ask(f"/api/runs/{runs.RUN}/items.jsonl")
    rows = [json.loads(line) for line in reply.body.splitlines()]
    assert [row["key"] for row in rows] == ["key-5", "key-4"]
    assert reply.headers["content-disposition"].startswith("attachment")


def test_events_by_kind_worker_batch_item_and_text(served: Served) -> None:
    def seen(query: str) -> list[tuple[str, int | None]]:
        rows = about(served, f"events?{query}")["rows"]
        return [(row["kind"], row["batch"]) for row in rows]

    assert [kind for kind, _ in seen("limit=2")] == ["ManagerStopped", "BatchLost"]
    assert seen("kinds=BatchDone,BatchLost") == [
        ("BatchLost", 4), ("BatchDone", 3), ("BatchDone", 1)
    ]  # fmt: skip
    assert seen("kinds=BatchDone&kinds=BatchLost&worker=w1&limit=1") == [("BatchLost", 4)]
    assert {kind for kind, _ in seen("worker=w2")} >= {"WorkerJoined", "WorkerLeft", "Dispatch"}
    assert seen("batch=2") == [("Dispatch", 2)]
    assert ("Dispatch", 1) in seen("item=key-4")
    assert ("GiveUp", None) in seen("item=key-4")
    assert ("Dispatch", 2) not in seen("item=key-4")
    assert [kind for kind, _ in seen("search=WEIGHTS")] == ["ReplicaFailed"]
    assert seen(f"at={runs.BEGIN + 30}&kinds=BatchDone") == []


def test_all_events_come_page_by_page(served: Served) -> None:
    seqs, before = [], ""
    while True:
        page = about(served, f"events?limit=7{before}")
        seqs += [row["seq"] for row in page["rows"]]
        if page["before"] is None:
            break
        before = f"&before={page['before']}"
    assert seqs == list(range(len(runs.story()) + 1, 0, -1))
    assert [row["seq"] for row in about(served, "events?after=3&before=6")["rows"]] == [5, 4]


def test_answers_are_gzipped_for_who_can_read_that(served: Served) -> None:
    path = f"/api/runs/{runs.RUN}/curves"
    plain, small = served.ask(path), served.ask(path, accept_encoding="gzip")
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.body == plain.body
    assert int(small.headers["content-length"]) < len(plain.body) / 2


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (f"/api/runs/{runs.RUN}/workers?limit=x", 400, "limit"),
        (f"/api/runs/{runs.RUN}/workers?limit=100000", 400, "limit"),
        (f"/api/runs/{runs.RUN}/workers?nosuch=1", 400, "nosuch"),
        (f"/api/runs/{runs.RUN}/overview?at=nan", 400, "finite"),
        (f"/api/runs/{runs.RUN}/overview?at=inf", 400, "finite"),
        (f"/api/runs/{runs.RUN}/items?verdict=good", 400, "verdict"),
        ("/api/runs/absent/overview", 404, "no such run"),
        ("/api/nothing", 404, "Not Found"),
        ("/static/../views.py", 404, "no such file"),
        ("/static/%2e%2e/views.py", 404, "no such file"),
        ("/static//etc/passwd", 404, "no such file"),
        (f"/static/{'../' * 12}etc/passwd", 404, "no such file"),
        ("/static/", 404, "no such file"),
    ],
)
def test_what_is_wrong_is_said_with_a_mend(
    served: Served, path: str, status: int, words: str
) -> None:
    reply = served.ask(path)
    assert reply.status == status, reply
    assert words in reply.json["error"]
    assert set(reply.json) == {"error", "mend"}


@pytest.mark.parametrize("path", ["/", "/static/index.html", "/api/runs", "/metrics", "/nowhere"])
def test_nobody_gets_a_byte_without_the_token(served: Served, path: str) -> None:
    for headers, status in (({"authorization": ""}, 401), ({"authorization": "Bearer x"}, 403)):
        reply = served.ask(path, **headers)
        assert (reply.status, reply.body) == (status, b"")
        assert "server" not in reply.headers


def test_a_browser_comes_with_the_address_and_stays_by_its_cookie(served: Served) -> None:
    first = served.ask(f"/?token={served.token}", authorization="")
    assert (first.status, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].partition(";")[0]
    page = served.ask("/", authorization="", cookie=cookie)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    tag = page.headers["etag"]
    again = served.ask("/", authorization="", cookie=cookie, if_none_match=tag)
    assert (again.status, again.body) == (304, b"")


def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_of_its_own_text(
    served: Served,
) -> None:
    page = served.ask("/")
    text = page.body.decode()
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in text.replace('http-equiv="', "")
    assert "<style" not in text
    assert " style=" not in text


def test_an_action_on_a_run_that_nobody_works_on_says_how_to_go_on(served: Served) -> None:
    path = f"/api/runs/{runs.RUN}/actions"
    refused = served.ask(path, "POST", '{"action": "retry_failed"}', x_pcm_action="1")
    assert refused.status == 400
    for body in ("", "{}", '{"action": "explode"}', "[]"):
        assert served.ask(path, "POST", body, x_pcm_action="1").status == 400
    long = json.dumps({"action": "drain", "worker": "w" * 10_000})
    assert served.ask(path, "POST", long, x_pcm_action="1").status == 413
    assert served.ask(path, "POST", '{"action": "cancel"}').status == 403
    assert served.ask(path, x_pcm_action="1").status == 405


def test_nonsense_on_the_line_hurts_nobody(served: Served) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        line.connect()
        with contextlib.suppress(OSError):
            line.sock.sendall(nonsense)
        line.close()
    assert served.ask("/api/runs").status == 200

"""The page of a run: it is well formed, tells all, asks for nothing and runs nothing."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from pcm.core.events import Capacity, WorkerJoined, WorkerLeft
from pcm.identity import Identity
from pcm.journal import Journal, JournalReader, Outcome
from pcm.report.html import page
from pcm.report.html.axes import clock, ticks, time_ticks
from pcm.report.html.markup import Markup, tag
from pcm.report.story import tell
from pcm.telemetry.findings import Finding
from tests.journal.runs import items, manifest, success
from tests.report.logs import BEGIN, STARTED, STOPPED, added, dispatch, logged, warm
from tests.report.simulated import write_simulated
from workers.protocol import ErrorReport

ATTACKS = (
    "<script>alert(1)</script>",
    "</style></title></pre></svg><img src=x onerror=alert(1)>",
    "\" onload=\"alert(1)' onclick='alert(1)",
    "<!-- ]]> &amp; &lt;b&gt;",
    "\u202egnp.exe\u2066\x00\x1b[2J\x07",
    "javascript:alert(1)",
    "x" * 100_000,
)
ALLOWED = re.compile(
    r"html|head|body|meta|title|style|main|header|nav|section|h[123]|p|ul|li|span|b|a|table|thead|"
    r"tbody|tr|th|td|figure|figcaption|details|summary|pre|code|dl|dt|dd|svg|g|path|text"
)
ATTRIBUTES = re.compile(
    r"lang|charset|http-equiv|content|name|class|id|href|open|role|aria-label|aria-hidden|viewBox|"
    r"preserveAspectRatio|d|x|y|transform"
)


def page_of(directory: Path) -> str:
    with JournalReader(directory) as reader:
        return page(*tell(reader))


def parsed(text: str) -> ElementTree.Element:
    """It is XML too, but for its first line: so what is not nested well is found."""
    first, rest = text.split("\n", 1)
    assert first == "<!doctype html>"
    return ElementTree.fromstring(rest)


def words(root: ElementTree.Element) -> str:
    return "".join(root.itertext())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("html") / "run"
    write_simulated(directory, workers=9, items=200, name="a run of many")
    return page_of(directory)


def hostile(directory: Path) -> None:
    """Every text that comes from others attacks."""
    attack = " ".join(ATTACKS)
    identity = Identity.of(attack, {attack: attack, "source": attack})
    described = manifest(
        name=attack, run=attack, task=identity, context=identity, options={attack: attack},
        requirements={attack: attack},
    )  # fmt: skip
    error = msgspec.msgpack.encode(ErrorReport(attack, attack, attack))
    finding = Finding(
        id=attack, condition=attack, name=attack, worker=attack, place=attack,
        since_seconds=BEGIN, found_seconds=BEGIN, evidence={attack: 1.0}, confidence=0.5,
        slowdown=2.0, cause=attack, directive=attack,
    )  # fmt: skip
    joined = WorkerJoined(attack, Capacity(kind=attack, host=attack))
    log = [
        (0, STARTED), (0, added(4)), (0, joined), (1, warm(attack, attack)),
        (1, dispatch(1, ((0, 4),), attack, attack)), (2, finding),
        (3, WorkerLeft(attack, "lost", attack)), (4, STOPPED),
    ]  # fmt: skip
    said = msgspec.json.encode(dict.fromkeys(("action", "worker", "by", "text"), attack))
    begun = msgspec.json.encode({"pid": 1, "host": attack})
    with Journal.create(directory, described) as journal:
        journal.add_items(item._replace(key=msgspec.json.encode(attack + item.key).decode())
                          for item in items(4))  # fmt: skip
        journal.seal()
        entries = [(entry.at, entry.kind, entry.body) for entry in logged(log)]
        entries[0] = (BEGIN, "ManagerStarted", begun)
        journal.log([*entries, (BEGIN + 4, "ActionTaken", said), (BEGIN + 4, attack, b"{}")])
        journal.record([success(0), Outcome(1, None, error, attack, attack, 1, 1, 0.1, BEGIN)])
        journal.give_up(1, "failed", (attack,), BEGIN)
        journal.finish("failed", attack, BEGIN + 4)


def test_hostile_texts_are_inert(tmp_path: Path) -> None:
    hostile(tmp_path / "run")
    text = page_of(tmp_path / "run")
    root = parsed(text)
    for element in root.iter():
        assert ALLOWED.fullmatch(element.tag)
        assert all(map(ATTRIBUTES.fullmatch, element.attrib))
        assert element.get("href", "#").startswith("#")
        assert re.fullmatch(r"[\w -]*", element.get("class", ""))
    assert "<script>alert(1)</script>" in words(root)
    assert "<U+202E>gnp.exe<U+2066><U+0000>" in words(root)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", text)
    assert len(text) < 400_000


def test_the_page_asks_for_nothing_and_runs_nothing(simulated: str) -> None:
    root = parsed(simulated)
    policy = root.find("head/meta[@http-equiv='Content-Security-Policy']")
    assert policy is not None
    assert "default-src 'none'; style-src 'sha256-" in policy.get("content", "")
    assert all(ALLOWED.fullmatch(element.tag) for element in root.iter())
    assert not re.search(r"https?:|//|url\(|@import|\bstyle=", simulated)


def test_the_page_tells_the_whole_story(simulated: str) -> None:
    root = parsed(simulated)
    titles = [title.text for title in root.iter("h2")]
    assert titles == [
        "Where the time went", "Worker time by use", "Over time", "Load times", "Workers",
        "Contexts", "Slowest items", "Sittings", "Provenance", "Entries of the event log",
    ]  # fmt: skip
    assert {link.get("href", "")[1:] for link in root.iter("a")} == {
        section.get("id") for section in root.iter("section")
    }
    text = words(root)
    for told in ("a run of many", "completed", "200 of 200 items finished", "submit.example.org",
                 "taskvine", '"port": 9123', "NVIDIA A40", "item-", "Dispatch"):  # fmt: skip
        assert told in text
    plots = [svg for svg in root.iter("svg") if svg.get("class") == "plot"]
    assert len(plots) == 5
    assert all(svg.get("aria-label") for svg in root.iter("svg") if svg.get("role") == "img")


def test_a_run_without_a_manager_has_a_page(tmp_path: Path) -> None:
    with Journal.create(tmp_path / "run", manifest()) as journal:
        journal.add_items(items(3))
        journal.seal()
    text = words(parsed(page_of(tmp_path / "run")))
    assert "No manager has worked on it yet." in text
    assert "interrupted" in text


def test_elements_escape_all_but_markup() -> None:
    inner = tag("b", "<&", title='"')
    assert inner == '<b title="&quot;">&lt;&amp;</b>'
    assert isinstance(inner, Markup)
    assert tag("td", inner, None, class_="n", x=1.0) == f'<td class="n" x="1">{inner}None</td>'
    assert tag("meta", name="a", content=None) == '<meta name="a"/>'


@pytest.mark.parametrize(
    ("high", "expected"),
    [(0, [0, 1]), (3, [0, 1, 2, 3]), (2400, [0, 1000, 2000, 3000]), (0.3, [0, 0.1, 0.2, 0.3])],
)
def test_ticks_are_round_and_reach_the_top(high: float, expected: list[float]) -> None:
    assert ticks(high) == pytest.approx(expected)


def test_times_are_ticked_as_clocks_are() -> None:
    assert [clock(tick) for tick in time_ticks(400)] == [
        "0", "1 min", "2 min", "3 min", "4 min", "5 min", "6 min",
    ]  # fmt: skip
    assert clock(5400) == "1:30 h"
    assert clock(90) == "1:30 min"
    assert time_ticks(40 * 86400)[-1] == 40 * 86400

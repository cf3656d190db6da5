from __future__ import annotations

from pathlib import Path

import msgspec

from pcm.core.events import SkewChanged, WorkerLeft
from pcm.journal import Journal, JournalReader
from pcm.report.skew import SkewStory, lines_of, skew_of
from pcm.report.skew_recording import skew_of_recording
from pcm.telemetry.findings import Finding
from pcm.telemetry.recording import Recorder
from tests.report.logs import BEGIN, STARTED, write
from tests.telemetry.runbook.scenes import scene
from tests.telemetry.test_monitor import TAKEN
from tests.telemetry.test_score import finding

CAUSE = finding(worker="w1", id="PC8@w1+100")
EFFECT = finding(
    worker="w2", id="EW1@w2+101", condition="EW1", name="straggler", explained_by=CAUSE.id
)


def over(told: Finding) -> Finding:
    return msgspec.structs.replace(told, until_seconds=130.0)


def story_of(directory: Path, *told: object) -> SkewStory:
    write(directory, [(0, STARTED), *[(at, event) for at, event in enumerate(told, 100)]])
    with JournalReader(directory) as reader:
        return skew_of(reader)


def test_each_finding_is_as_it_was_told_last_and_causes_come_first(tmp_path: Path) -> None:
    story = story_of(tmp_path, EFFECT, CAUSE, over(EFFECT))
    assert story.findings == [CAUSE, over(EFFECT)]
    assert story.lasting == [CAUSE]


def test_scores_are_the_last_ones_of_those_that_are_there(tmp_path: Path) -> None:
    told = [
        SkewChanged("w1", 2.0, 1.5),
        SkewChanged("w2", 1.0, 3.0),
        SkewChanged("w3", 2.0, 2.0),
        SkewChanged("w4", 2.0, 2.0),
        SkewChanged("w4", 1.0, 1.0),
        WorkerLeft("w3", "lost"),
    ]
    assert story_of(tmp_path, *told).scores == {"w1": 2.0, "w2": 3.0}


def test_nothing_outlasts_its_sitting(tmp_path: Path) -> None:
    write(tmp_path, [(0, STARTED), (1, CAUSE), (1, SkewChanged("w1", 2.0)), (9, STARTED)])
    with JournalReader(tmp_path) as reader:
        story = skew_of(reader)
    assert story.scores == {}
    assert [one.until_seconds for one in story.findings] == [BEGIN + 9.0]


def test_a_run_without_telemetry_has_no_findings(tmp_path: Path) -> None:
    story = story_of(tmp_path)
    assert lines_of(story, 200.0) == ["no findings"]


def test_the_lines_say_what_where_why_and_what_to_do(tmp_path: Path) -> None:
    story = story_of(tmp_path, CAUSE, EFFECT, SkewChanged("w1", 2.0, 2.0))
    assert lines_of(story, 142.0) == [
        "w1: 2.0 times slower than its kind",
        "PC8 host CPU bottleneck at w1: for 42 s, confidence 1.00, 2.0 times slower expected",
        "    seen: host.cpu_pressure 0.9",
        "    likely cause: other tenants; mend: move away",
        "    explains: EW1 straggler at w2",
    ]


def test_what_is_over_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    story = story_of(tmp_path, over(CAUSE))
    assert lines_of(story, 200.0) == [
        "no findings that last",
        "1 more, over by now: --all shows them",
    ]
    assert lines_of(story, 200.0, over=True)[0].startswith(
        "PC8 host CPU bottleneck at w1: lasted 30 s"
    )


def test_a_recording_is_judged_anew(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "windows.jsonl")
    for window in scene({1: TAKEN}):
        recorder.write(window)
    recorder.close()
    story, end = skew_of_recording(tmp_path / "windows.jsonl")
    assert [(one.condition, one.worker) for one in story.lasting] == [("PC8", "w1"), ("PC8", "w1")]
    assert story.scores["w1"] > 1.5
    assert end == 1088.0


def test_the_log_of_a_live_run_can_be_read(tmp_path: Path) -> None:
    write(tmp_path, [(0, STARTED), (1, CAUSE)])
    journal = Journal.open(tmp_path)
    with JournalReader(tmp_path) as reader:
        assert skew_of(reader).lasting == [CAUSE]
    journal.close()

"""Faults in phases on the stage, and what the runbook finds of them.

``python -m evaluations.packets.running [RECORD]``, inside namespaces of its own
(``namespaces.inside``). The last line of output is a JSON object, an ``Outcome``. RECORD: a file
for all windows.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from evaluations.packets.faults import FAULTS, Fault
from evaluations.packets.stage import SCENES, Stage
from pcm.telemetry.findings import Finding
from pcm.telemetry.recording import Recorder
from pcm.telemetry.runbook import Detector

QUIET_SECONDS = 42.0
"""Before the first fault. The runbook's past leaves out the newest 15 s and needs 12 seconds of
every other one; it is looked at anew every ten seconds."""
POSSIBLE_SECONDS = 40.0
"""From here on what is compared with the past can be found."""
REST_SECONDS = 3.0
"""Between two faults at one worker: levels are medians of five seconds."""
LATENESS_SECONDS = 1.5
"""So long after its end all have told of a second."""


class Done(msgspec.Struct):
    """A fault, and what was found of it. Times are seconds since 1970."""

    condition: str
    worker: str
    place: str
    what: str
    scene: str
    began_seconds: float
    ended_seconds: float
    found_after_seconds: float | None = None
    """None: it was not."""
    confidence: float = 0.0
    before: bool = False
    """Whether the same condition was found there before anything was done at all."""
    tries: int = 1
    """How often it was done; the times are those of the last."""


class Outcome(msgspec.Struct):
    faults: list[Done]
    findings: list[Finding]
    quiet_from_seconds: float
    """Since then findings were possible."""
    first_fault_seconds: float
    observer: dict[str, float]


class Doing(NamedTuple):
    """A fault that goes on."""

    fault: Fault
    number: int
    """Of the try."""
    began: float
    stack: ExitStack


class Watching:
    """The stage's windows through a detector for each scene."""

    def __init__(self, stage: Stage, recorder: Recorder | None = None) -> None:
        self._stage = stage
        self._recorder = recorder
        self._detectors = {scene: Detector() for scene in SCENES}
        self._scene = {worker: scene for scene, names in SCENES.items() for worker in names}
        self._waiting: list[Any] = []
        self.findings: dict[str, Finding] = {}

    def until(self, end: float) -> None:
        """Time passes until then (seconds since 1970)."""
        while time.time() < end:
            time.sleep(min(0.25, max(0.0, end - time.time())))
            self._look(time.time() - LATENESS_SECONDS)

    def found(self, fault: Fault, began: float) -> Finding | None:
        """Since it began."""
        for finding in self.findings.values():
            if _is_of(finding, fault) and finding.found_seconds >= began:
                return finding
        return None

    def found_before(self, fault: Fault, end: float) -> bool:
        return any(
            _is_of(finding, fault) and finding.found_seconds < end
            for finding in self.findings.values()
        )

    def _look(self, known_until: float) -> None:
        self._waiting += self._stage.take()
        self._waiting.sort(key=lambda window: window.end_seconds)
        while self._waiting and self._waiting[0].end_seconds <= known_until:
            window = self._waiting.pop(0)
            if self._recorder is not None:
                self._recorder.write(window)
            self._note(self._detectors[self._scene[window.worker]].observe((window,)))
        for detector in self._detectors.values():
            self._note(detector.advance(known_until))

    def _note(self, findings: list[Finding]) -> None:
        self.findings.update((finding.id, finding) for finding in findings)


def run(stage: Stage, recorder: Recorder | None = None) -> Outcome:
    """All faults, in their turns; what was not found in its time is done once more."""
    watching = Watching(stage, recorder)
    begun = time.time()
    watching.until(begun + QUIET_SECONDS)
    first = time.time()
    waiting = [(fault, 1) for fault in sorted(FAULTS, key=lambda fault: fault.turn)]
    doing: list[Doing] = []
    done: list[Done] = []
    calm_at = {fault.worker: first for fault in FAULTS}
    with ExitStack() as all_of_them:
        while waiting or doing:
            now = time.time()
            for one in list(doing):
                fault = one.fault
                finding = watching.found(fault, one.began)
                if finding is None and now < one.began + fault.lasts_seconds:
                    continue
                one.stack.close()
                doing.remove(one)
                calm_at[fault.worker] = time.time() + REST_SECONDS
                if finding is None and one.number < fault.tries:
                    waiting.append((replace(fault, turn=_last_turn(fault) + 1), one.number + 1))
                else:
                    done.append(_done(one, finding, watching.found_before(fault, first)))
            for fault, number in list(waiting):
                if now >= calm_at[fault.worker] and not _earlier(fault, waiting, doing):
                    waiting.remove((fault, number))
                    stack = all_of_them.enter_context(ExitStack())
                    began = time.time()
                    stack.enter_context(fault.do(stage))
                    doing.append(Doing(fault, number, began, stack))
            watching.until(time.time() + 0.25)
    return Outcome(
        done,
        sorted(watching.findings.values(), key=lambda finding: finding.found_seconds),
        begun + POSSIBLE_SECONDS,
        first,
        stage.observing.itself,
    )


def _last_turn(fault: Fault) -> int:
    return max(other.turn for other in FAULTS if other.worker == fault.worker)


def _earlier(fault: Fault, waiting: list[tuple[Fault, int]], doing: list[Doing]) -> bool:
    """Whether something of an earlier turn is to be over before."""
    others = [*(other for other, _ in waiting), *(one.fault for one in doing)]
    return any(other.worker == fault.worker and other.turn < fault.turn for other in others)


def _is_of(finding: Finding, fault: Fault) -> bool:
    seen = finding.condition, finding.worker, finding.place
    return seen == (fault.condition, fault.worker, fault.place)


def _done(one: Doing, finding: Finding | None, before: bool) -> Done:
    fault = one.fault
    return Done(
        fault.condition,
        fault.worker,
        fault.place,
        fault.what,
        fault.scene,
        one.began,
        time.time(),
        None if finding is None else finding.found_seconds - one.began,
        0.0 if finding is None else finding.confidence,
        before,
        one.number,
    )


def main() -> None:
    with ExitStack() as stack:
        recorder = None
        if len(sys.argv) > 1:
            recorder = Recorder(Path(sys.argv[1]))
            stack.callback(recorder.close)
        stage = stack.enter_context(Stage())
        print("the stage stands", file=sys.stderr, flush=True)
        outcome = run(stage, recorder)
    print(msgspec.json.encode(outcome).decode())


if __name__ == "__main__":
    main()

"""Faults in phases on the stage, and what the runbook finds of them.

``python -m evaluations.packets.running [RECORD]``, inside namespaces of its own
(``namespaces.inside``). The last line of output is a JSON object, an ``Outcome``. RECORD: a file
for all windows.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from evaluations.packets.faults import FAULTS, Fault
from evaluations.packets.stage import SCENES, Stage
from pcm.telemetry.findings import Finding
from pcm.telemetry.recording import Recorder
from pcm.telemetry.runbook import Detector

QUIET_SECONDS = 50.0
"""Before the first fault. The runbook's past leaves out the newest 15 s and needs 12 seconds of
every other one."""
POSSIBLE_SECONDS = 40.0
"""From here on what is compared with the past can be found."""
REST_SECONDS = 9.0
"""Between turns: what was found is over when it was quiet for eight seconds."""
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
    """Whether the same condition was found there before anything was done in its scene."""


class Outcome(msgspec.Struct):
    faults: list[Done]
    findings: list[Finding]
    quiet_from_seconds: float
    """Since then findings were possible."""
    first_fault_seconds: float
    observer: dict[str, float]


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
    """All faults, phase by phase."""
    watching = Watching(stage, recorder)
    begun = time.time()
    watching.until(begun + QUIET_SECONDS)
    first = time.time()
    waiting = sorted(FAULTS, key=lambda fault: fault.turn)
    doing: list[tuple[Fault, float, ExitStack]] = []
    done: list[tuple[Fault, float, float]] = []
    calm_at = dict.fromkeys(SCENES, first)
    with ExitStack() as all_of_them:
        while waiting or doing:
            now = time.time()
            for one in list(doing):
                fault, began, stack = one
                if now >= began + fault.lasts_seconds or watching.found(fault, began):
                    stack.close()
                    doing.remove(one)
                    done.append((fault, began, time.time()))
                    calm_at[fault.scene] = time.time() + REST_SECONDS
            for fault in list(waiting):
                before = [one for one in (*waiting, *(d[0] for d in doing))
                          if one.scene == fault.scene and one.turn < fault.turn]  # fmt: skip
                if not before and now >= calm_at[fault.scene]:
                    stack = all_of_them.enter_context(ExitStack())
                    stack.enter_context(fault.do(stage))
                    waiting.remove(fault)
                    doing.append((fault, time.time(), stack))
            watching.until(time.time() + 0.25)
    watching.until(time.time() + LATENESS_SECONDS + 1.0)
    return Outcome(
        [_done(fault, began, ended, watching) for fault, began, ended in done],
        sorted(watching.findings.values(), key=lambda finding: finding.found_seconds),
        begun + POSSIBLE_SECONDS,
        first,
        stage.observing.itself,
    )


def _is_of(finding: Finding, fault: Fault) -> bool:
    seen = finding.condition, finding.worker, finding.place
    return seen == (fault.condition, fault.worker, fault.place)


def _done(fault: Fault, began: float, ended: float, watching: Watching) -> Done:
    found = watching.found(fault, began)
    return Done(
        fault.condition,
        fault.worker,
        fault.place,
        fault.what,
        fault.scene,
        began,
        ended,
        None if found is None else found.found_seconds - began,
        0.0 if found is None else found.confidence,
        any(
            _is_of(finding, fault) and finding.found_seconds < began and not fault.turn
            for finding in watching.findings.values()
        ),
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

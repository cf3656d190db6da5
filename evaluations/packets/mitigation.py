"""A rank is late; it is found, named and replaced, and the group is as fast as before.

``python -m evaluations.packets.mitigation``, inside namespaces of its own. Two ranks share a decode
on two hosts, and a third host is spare. Rank 1 becomes late, for good: its host is ill. What the
observer sees goes to the runbook; the finding and the measured slowdown of steps go to the same
``Remedies`` that the manager asks. What they say to replace is ended, and a process on the spare
host takes the rank; if they say nothing, an operator does so who heeds the finding's directive. The
last line of output is a JSON object, a ``Course``.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

import msgspec

from evaluations.packets.namespaces import Fabric
from evaluations.packets.observing import Observing
from evaluations.packets.programs import Program, Told
from evaluations.packets.serving import KIND
from evaluations.packets.stage import DEVICE_SECONDS, QUIET_SECONDS, RANK_PORT
from pcm.telemetry.findings import Finding
from pcm.telemetry.remedies import Remedies, Remedy
from pcm.telemetry.runbook import Detector

HOSTS = ("r0", "r1", "r2")
LATE_SECONDS = 0.01
CALM_SECONDS = 50.0
PATIENCE_SECONDS = 50.0
"""From the fault to the remedy; then the operator."""
AFTER_SECONDS = 20.0
SETTLING_SECONDS = 5.0
"""After a change, before what is measured counts."""
LATENESS_SECONDS = 1.0
RECENT = 5


class Span(msgspec.Struct):
    """Medians of rank 0's seconds in it: of a step, and the share in which its device was idle."""

    step_seconds: float
    idle_share: float


class Course(msgspec.Struct):
    before: Span
    during: Span
    after: Span
    found: Finding | None
    found_after_seconds: float | None
    others_found: list[str]
    """Other findings, by condition and worker, causes and effects."""
    remedy: Remedy | None
    """What ``Remedies`` said; None: the operator replaced what was found."""
    replaced: str
    """The worker; empty: nothing was found."""
    replaced_after_seconds: float | None
    """From the fault."""
    without_steps_seconds: float | None
    """While the rank was replaced."""


class Group:
    """Context manager: two ranks, the observer, and the runbook."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.steps = Told()
        """Of rank 0."""
        self.remedies = Remedies()
        self._findings: dict[str, Finding] = {}

    def __enter__(self) -> Group:
        self._fabric = Fabric()
        for host in HOSTS:
            self._fabric.host(host)
        first, second = (self._rank(number, RANK_PORT, HOSTS[number]) for number in (0, 1))
        first.ready(self.steps.hear)
        second.ready()
        self.ranks = [first, second]
        self._observe("r1")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def until(self, end: float, *, remedy: bool = False) -> Remedy | None:
        """Time passes until then, or until something is to be done about a rank."""
        while time.time() < end:
            time.sleep(0.25)
            now = time.time()
            for window in sorted(self._observing.take(), key=lambda window: window.end_seconds):
                self._note(self._detector.observe((window,)))
            self._note(self._detector.advance(now - LATENESS_SECONDS))
            if remedy and (decided := self._decide(now)):
                return decided
        return None

    def findings(self) -> list[Finding]:
        """Since the observer began."""
        return sorted(self._findings.values(), key=lambda finding: finding.found_seconds)

    def replace(self) -> None:
        """Rank 1, by a process on the spare host."""
        self.ranks[1].end()
        port = RANK_PORT + 1
        self.ranks[0].say({"port": port})
        spare = self._rank(1, port, "r2")
        spare.ready()
        self.ranks[1] = spare
        self._observing.end()
        self._observe("r2")

    def span(self, begin: float, end: float) -> Span:
        lines = [line for line in self.steps if begin <= line.get("end_seconds", 0.0) <= end]
        return Span(
            statistics.median(line["step_seconds"] for line in lines),
            statistics.median(line["idle_share"] for line in lines),
        )

    def first_step_after(self, seconds: float) -> float | None:
        ends = (line["end_seconds"] - line["seconds"] for line in self.steps)
        return next((end for end in ends if end >= seconds), None)

    def _decide(self, now: float) -> Remedy | None:
        """Scores are measured: how much longer steps take now than in the quiet."""
        quick = statistics.median(line["step_seconds"] for line in self.steps[:20])
        score = statistics.median(line["step_seconds"] for line in self.steps[-RECENT:]) / quick
        here = {"r0": score, "r1": score, "r2": 1.0}
        decided = self.remedies.decide(self._detector.open, here, dict.fromkeys(here, KIND), now)
        return next((one for one in decided if one.kind == "replace"), None)

    def _rank(self, number: int, port: int, host: str) -> Program:
        arguments = (str(number), self._fabric.addresses["r0"], str(port), str(DEVICE_SECONDS))
        rank = Program("evaluations.packets.rank", *arguments, namespace=host)
        self._stack.callback(rank.end)
        return rank

    def _observe(self, second: str) -> None:
        addresses = self._fabric.addresses
        ranks = {"tp0:0": addresses["r0"], "tp0:1": addresses[second]}
        self._observing = Observing(self._fabric.ports, addresses, ranks, {}, KIND, QUIET_SECONDS)
        self._stack.callback(self._observing.end)
        self._detector = Detector()

    def _note(self, findings: list[Finding]) -> None:
        self._findings.update((finding.id, finding) for finding in findings)


def run() -> Course:
    with Group() as group:
        begun = time.time()
        group.until(begun + CALM_SECONDS)
        ill = time.time()
        group.ranks[1].say({"late_seconds": LATE_SECONDS})
        remedy = group.until(ill + PATIENCE_SECONDS, remedy=True)
        decided = time.time()
        found = next(
            (f for f in group.findings() if f.condition == "EW1" and f.worker == "r1"), None
        )
        others = [f"{f.condition}@{f.worker}" for f in group.findings() if f is not found]
        worker = remedy.worker if remedy is not None else found.worker if found else ""
        if worker == "r1":
            group.replace()
        replaced = time.time()
        group.until(replaced + AFTER_SECONDS)
        again = group.first_step_after(decided)
        return Course(
            group.span(begun + SETTLING_SECONDS, ill),
            group.span(ill + SETTLING_SECONDS, decided),
            group.span(replaced + SETTLING_SECONDS, time.time()),
            found,
            None if found is None else found.found_seconds - ill,
            others,
            remedy,
            worker,
            replaced - ill if worker else None,
            again - decided if worker and again else None,
        )


def main() -> None:
    print(msgspec.json.encode(run()).decode())


if __name__ == "__main__":
    main()

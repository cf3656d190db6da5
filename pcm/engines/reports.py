"""What a worker reports, as the core and the manager understand it."""

from __future__ import annotations

from math import isfinite

from pcm.core.events import (
    BatchDone,
    BatchLost,
    ReplicaChanged,
    ReplicaFailed,
    WorkerJoined,
    WorkerNotice,
)
from pcm.engines.base import Delivery, Happening, Observed
from pcm.engines.worker import Worker
from workers.protocol import (
    PROTOCOL_VERSION,
    BatchEnd,
    ErrorReport,
    FileState,
    Goodbye,
    Hello,
    ItemResult,
    ItemResults,
    Notice,
    ReplicaFault,
    ReplicaState,
    Report,
    Telemetry,
)


def translate(report: Report, worker: Worker, happened: list[Happening]) -> None:
    """Append what the report means, and note in the worker what the engine has to know. A FileState
    means nothing here: it is for engines that bring files to workers.

    Workers are not trusted: what one says of a batch that it does not hold (any more) is dropped,
    and one that says what cannot be is refused.
    """
    match report:
        case ItemResults():
            results = _believed(report, worker)
            if results:
                happened.append(Delivery(worker.name, report.batch, results))
        case BatchEnd():
            if worker.leases.pop(report.batch, None) is not None:
                happened.append(_ended(report))
        case ReplicaState():
            happened += _replica_changed(report, worker)
        case ReplicaFault():
            worker.replicas.pop(report.context, None)
            happened.append(
                ReplicaFailed(
                    worker.name, report.context, report.kind, story(report.error), report.seconds
                )
            )
        case Hello():
            happened += _joined(report, worker)
        case Notice():
            worker.under_notice = True
            happened.append(WorkerNotice(worker.name, report.leaves_in_seconds))
        case Goodbye():
            worker.goodbye = report.cause
        case Telemetry():
            happened.append(Observed(worker.name, report))
        case FileState():
            pass


def _joined(report: Hello, worker: Worker) -> list[WorkerJoined]:
    if report.protocol != PROTOCOL_VERSION:
        worker.refusal = (
            f"it speaks protocol {report.protocol}, this manager {PROTOCOL_VERSION}: "
            "install the same version of pcm on both sides"
        )
        return []
    worker.joined = True
    seconds = report.leaves_in_seconds
    known = seconds if isfinite(seconds) and seconds > 0.0 else None
    return [WorkerJoined(worker.name, worker.capacity(report.machine), known)]


def _believed(report: ItemResults, worker: Worker) -> list[ItemResult]:
    """The results that are news; none if the batch is not the worker's."""
    reported = worker.leases.get(report.batch)
    if reported is None:
        return []
    news = []
    for result in report.results:
        if not 0 <= result.position < len(reported):
            worker.refusal = (
                f"it reported item {result.position} of batch {report.batch}, "
                f"which has {len(reported)}"
            )
            return []
        if (result.value is None) == (result.error is None):
            worker.refusal = f"it reported an item of batch {report.batch} without an outcome"
            return []
        if not reported[result.position]:
            reported[result.position] = True
            news.append(result)
    return news


def _ended(report: BatchEnd) -> BatchDone | BatchLost:
    if report.outcome == "done":
        return BatchDone(report.batch, report.run_seconds, report.queue_seconds, report.kept)
    return BatchLost(report.batch, report.outcome, report.started, report.detail)


def _replica_changed(report: ReplicaState, worker: Worker) -> list[ReplicaChanged]:
    name, context, status = worker.name, report.context, report.status
    if status == "staged":
        # Not if it has crossed with the order to load the context or to let it go.
        is_news = context in worker.ahead
        return [ReplicaChanged(name, context, "disk", "warm")] if is_news else []
    if status == "absent":
        worker.replicas.pop(context, None)
        return [ReplicaChanged(name, context, "absent", "draining", report.seconds)]
    if report.pid:  # There is no process while files are brought.
        worker.replicas[context] = report.pid
    return [
        ReplicaChanged(
            name,
            context,
            "host" if status == "parked" else "gpu",
            status,
            report.seconds,
            report.memory_bytes,
            report.parks,
            report.host_bytes,
        )
    ]


def story(error: ErrorReport) -> str:
    """An error as one text: its traceback, and what the replica printed last."""
    traceback, log = error.traceback.strip("\n"), error.log_tail.strip("\n")
    parts = [] if str(error) in traceback else [str(error)]
    parts += [traceback] if traceback else []
    # The loader's traceback is at the end of the log already.
    log = log.removesuffix(traceback).strip("\n")
    parts += [f"-- the end of its log --\n{log}"] if log else []
    return "\n".join(parts)

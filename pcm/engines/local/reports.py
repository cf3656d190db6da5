"""What a worker reports, as the core and the manager understand it."""

from __future__ import annotations

from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    ReplicaChanged,
    ReplicaFailed,
    WorkerJoined,
    WorkerNotice,
)
from pcm.engines.base import Delivery, Happening
from pcm.engines.local.sharing import Share
from pcm.engines.local.worker import LocalWorker, story
from workers.protocol import (
    PROTOCOL_VERSION,
    BatchEnd,
    Goodbye,
    Hello,
    ItemResults,
    Machine,
    Notice,
    ReplicaFault,
    ReplicaState,
    Report,
)


def translate(report: Report, worker: LocalWorker, happened: list[Happening]) -> None:
    """Append what the report means, and note in the worker what the engine has to know."""
    match report:
        case ItemResults():
            happened.append(Delivery(worker.name, report.batch, report.results))
        case BatchEnd(outcome="done"):
            happened.append(BatchDone(report.batch, report.run_seconds, report.queue_seconds))
        case BatchEnd():
            assert report.outcome != "done"
            happened.append(BatchLost(report.batch, report.outcome, report.started, report.detail))
        case ReplicaState():
            happened.append(_replica_changed(report, worker))
        case ReplicaFault():
            worker.replicas.pop(report.context, None)
            happened.append(
                ReplicaFailed(
                    worker.name, report.context, report.kind, story(report.error), report.seconds
                )
            )
        case Hello():
            if report.protocol != PROTOCOL_VERSION:
                worker.refusal = (
                    f"it speaks protocol {report.protocol}, this manager {PROTOCOL_VERSION}: "
                    "install the same version of pcm on both sides"
                )
            else:
                worker.joined = True
                happened.append(WorkerJoined(worker.name, _capacity(report.machine, worker.share)))
        case Notice():
            worker.under_notice = True
            happened.append(WorkerNotice(worker.name, report.leaves_in_seconds))
        case Goodbye():
            worker.goodbye = report.cause


def _replica_changed(report: ReplicaState, worker: LocalWorker) -> ReplicaChanged:
    context = report.context
    if report.status == "absent":
        worker.replicas.pop(context, None)
        return ReplicaChanged(worker.name, context, "absent", "draining", report.seconds)
    worker.replicas[context] = report.pid
    return ReplicaChanged(
        worker.name, context, "gpu", report.status, report.seconds, report.memory_bytes
    )


def _capacity(machine: Machine, share: Share) -> Capacity:
    """Cores and main memory are the worker's share of the machine, GPUs are its own."""
    return Capacity(
        kind=machine.kind,
        gpus=len(machine.gpus),
        gpu_memory_bytes=min((gpu.memory_bytes for gpu in machine.gpus), default=0),
        memory_bytes=share.memory_bytes,
        cores=share.threads,
        host=machine.host,
        pool="local",
    )

"""How a run goes: its line in the list of runs, the overview, the curves."""

from __future__ import annotations

import msgspec

from pcm.chronicle import Chronicle
from pcm.dashboard import views
from pcm.dashboard.answers.efficiency import efficiency
from pcm.journal import Manifest, RunStatus


def head(
    chronicle: Chronicle,
    manifest: Manifest,
    status: RunStatus,
    directory: str,
    can_act: bool,
    at: float,
) -> views.RunHead:
    """By the log, but for how the run ended, which only its journal tells for sure."""
    counts = chronicle.counts(at)
    state = chronicle.state(at)
    if at >= chronicle.last_at and status.state != "open":
        state = status.state
    return views.RunHead(
        run=manifest.run,
        name=manifest.name,
        task=manifest.task.name,
        directory=directory,
        state=state,
        began_at=chronicle.began_at,
        last_at=chronicle.last_at,
        items=counts.items,
        finished=counts.finished,
        failed=counts.failed,
        can_act=can_act,
    )


def overview(chronicle: Chronicle, head: views.RunHead, at: float) -> views.Overview:
    """``head``: of the same moment."""
    counts, eta, split = chronicle.counts(at), None, chronicle.split(at)
    if head.state == "running":
        found = chronicle.eta(at)
        eta = None if found is None else views.Eta(**msgspec.structs.asdict(found))
    return views.Overview(
        head=head,
        at=at,
        seq=chronicle.entries_at(at),
        seconds=chronicle.worked_seconds(at),
        in_flight=counts.in_flight,
        waiting=counts.waiting,
        items_per_second=chronicle.items_per_second(at),
        eta=eta,
        efficiency=efficiency(chronicle, at),
        split=views.SplitShares(**{f"{use}_seconds": s for use, s in split._asdict().items()}),
        crew=views.Crew(**chronicle.crew(at)._asdict()),
        retries=counts.retries,
        lost_batches=counts.lost_batches,
        evictions=counts.evictions,
        troubles=[
            views.Trouble(**msgspec.structs.asdict(trouble))
            for trouble in chronicle.troubles(at, head.state)
        ],
    )


def curves(chronicle: Chronicle, at: float, points: int = 300) -> views.Curves:
    found = chronicle.curves(at, points)
    names = views.Curves.__struct_fields__
    return views.Curves(**{name: getattr(found, name).tolist() for name in names})

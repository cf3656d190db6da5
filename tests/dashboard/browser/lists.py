"""The answers about a scene that are lists: contexts, items, glideins, findings, events."""

from __future__ import annotations

from pcm.dashboard import views
from tests.dashboard.browser.scene import BEGAN, CONTEXTS, DIGESTS, Scene


def contexts(scene: Scene, at: float) -> list[views.ContextRow]:
    here = scene.here(at)
    return [
        views.ContextRow(
            context=digest,
            name=scene.foreign or name,
            gpu=len(here) // (1 + 2 * place),
            host=place * 7,
            disk=3,
            loading=2 - place,
            loads=len(scene.stays) + 9 * place,
            reloads=11 - place,
            load_failures=place * 3,
            evictions=4 + place,
            load_seconds_median=(38.2, 4.1)[place],
            bytes_from_manager=(71, 4)[place] * 10**9,
            bytes_from_workers=(1243, 61)[place] * 10**9,
            last_error=scene.foreign
            or ("torch.OutOfMemoryError: 2.1 GiB wanted, 0.9 GiB free" if place else ""),
            places=[
                views.Place(
                    worker=stay.worker, tier="gpu", status="warm", since=BEGAN + stay.joined_at + 40
                )
                for stay in here[:: 1 + place][:60]
            ],
        )
        for place, (digest, name) in enumerate(zip(DIGESTS, CONTEXTS, strict=True))
    ]


def items(scene: Scene, at: float, asked: dict[str, str]) -> views.ItemsPage:
    words = asked.get("search", "").lower()
    rows = [
        row
        for row in scene.failed_until(at)
        if words in f"{row.key} {row.error} {row.message}".lower()
        and asked.get("verdict", "") in ("", row.verdict)
    ]
    first, limit = int(asked.get("offset", 0)), int(asked.get("limit", 100))
    return views.ItemsPage(at=at, total=len(rows), rows=rows[first : first + limit])


def glideins(scene: Scene) -> list[views.GlideinRow]:
    if not scene.troubled:
        return []
    hold = scene.foreign or "Error from slot1@node17: failed to send file, no space left on device"
    return [
        views.GlideinRow(
            name="a10", wanted=24, asked=24, queued=2, running=10, joined=9, held=12,
            holds={hold: 12}, trouble="no space left on the submit machine",
        ),
        views.GlideinRow(
            name="h100", wanted=8, asked=8, queued=3, running=5, joined=5, held=0, holds={},
            trouble="",
        ),
        views.GlideinRow(
            name="t4-backfill", wanted=60, asked=40, queued=11, running=29, joined=26, held=0,
            holds={}, trouble="",
        ),
    ]  # fmt: skip


def findings(scene: Scene, at: float) -> list[views.FindingRow]:
    if not scene.troubled:
        return []
    text = scene.foreign
    slow = scene.stays[7].worker
    return [
        views.FindingRow(
            id="f1", condition="gpu.thermal", name=text or "Its GPU is held down by heat",
            worker=slow, place="node07, GPU 0", since=BEGAN + 700, until=None, confidence=0.94,
            slowdown=1.6, cause=text or "87 °C, clocks at 1,005 of 1,755 MHz for 41 minutes",
            directive=text or "Drain the worker, and tell who runs the node",
            evidence={"temperature_celsius": 87.0, "clock_ratio": 0.573}, explained_by="",
        ),
        views.FindingRow(
            id="f2", condition="task.slow", name="Its batches take longer than those of its kind",
            worker=slow, place="node07", since=BEGAN + 760, until=None, confidence=0.99,
            slowdown=1.58, cause="", directive="See what explains it",
            evidence={"batch_seconds_over_kind": 1.58}, explained_by="f1",
        ),
        views.FindingRow(
            id="f3", condition="net.retransmits", name="Packets are lost on the way to it",
            worker=scene.stays[12].worker, place="rack-0, eth0", since=BEGAN + 300,
            until=BEGAN + 900, confidence=0.71, slowdown=1.12,
            cause="2.1% of segments sent again while others on the rack sent none again",
            directive="If it comes back: have the cable or the port looked at",
            evidence={"retransmit_share": 0.021}, explained_by="",
        ),
    ]  # fmt: skip


KINDS = ("Dispatch", "BatchDone", "ItemsDone", "ReplicaChanged", "WorkerJoined", "WorkerLeft")


def event(scene: Scene, seq: int) -> views.EventRow:
    kind = "ActionTaken" if seq % 997 == 0 else KINDS[seq % (4 if seq % 13 else 6)]
    stay = scene.stays[seq % len(scene.stays)]
    batch = seq // 4 if kind in KINDS[:3] else None
    texts = {
        "Dispatch": f"batch {batch}: 8 items to {stay.worker}, 2.7 s predicted",
        "BatchDone": f"batch {batch} is done on {stay.worker}: 2.4 s",
        "ItemsDone": f"8 items of batch {batch} have results",
        "ReplicaChanged": f"{CONTEXTS[0]} is warm on {stay.worker} after 38 s",
        "WorkerJoined": f"{stay.worker} joined: {stay.kind} on node{seq % 37:02d}",
        "WorkerLeft": f"{stay.worker} was evicted",
        "ActionTaken": "paused, by dashboard (uid 1000)",
    }
    return views.EventRow(
        seq=seq,
        at=BEGAN + seq / 10,
        kind=kind,
        worker=stay.worker,
        batch=batch,
        text=scene.foreign or texts[kind],
        body={"event": kind, "worker": scene.foreign or stay.worker, "batch": batch},
    )


def events(scene: Scene, at: float, asked: dict[str, str]) -> views.EventsPage:
    last = int((at - BEGAN) * 10)
    before, after = int(asked.get("before", last + 1)), int(asked.get("after", 0))
    kinds = set(asked.get("kinds", "").split(",")) - {""}
    limit = int(asked.get("limit", 100))
    rows: list[views.EventRow] = []
    for seq in range(min(last, before - 1), after, -1):
        row = event(scene, seq)
        fits = not kinds or row.kind in kinds
        fits = fits and asked.get("worker", "") in ("", row.worker)
        fits = fits and asked.get("batch", "") in ("", str(row.batch))
        if fits and asked.get("search", "").lower() in row.text.lower():
            rows.append(row)
        if len(rows) == limit:
            break
    return views.EventsPage(rows=rows, before=rows[-1].seq if len(rows) == limit else None)

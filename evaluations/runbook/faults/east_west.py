"""Faults between ranks and nodes."""

from __future__ import annotations

import numpy as np

from evaluations.runbook.cluster import Form
from evaluations.runbook.faults.base import Fault, Scene, Site

_JOINED: tuple[Form, ...] = ("across", "experts", "pipeline")


def _one_rank(scene: Scene) -> int:
    return int(scene.chance.choice(np.flatnonzero(scene.layout.rank_server == scene.number)))


def _one_link(scene: Scene) -> int:
    return int(scene.chance.choice(np.flatnonzero(scene.layout.link_server == scene.number)))


def _rank_site(scene: Scene, rank: int, also: frozenset[int] = frozenset()) -> Site:
    return Site(scene.layout.ranks[rank][0], scene.layout.rank_place(rank), also)


def _link_site(scene: Scene, link: int) -> Site:
    source, target, _ = scene.layout.links[link]
    return Site(source, scene.layout.link_place(link), frozenset([target]))


def straggler(scene: Scene) -> Site:
    """EW1: one rank computes 1.2, 1.75 or 3 times as long: its clock is held down, or another
    process has a part of its GPU."""
    rank = _one_rank(scene)
    gpu = scene.layout.ranks[rank][1]
    slow = scene.step_factor
    levers = scene.levers
    levers.slow[scene.span, gpu] *= slow
    if scene.chance.random() < 0.5:
        levers.clock[scene.span, gpu] *= 1 / slow
        levers.throttled[scene.span, gpu] = min(0.95, 1.1 - 1 / slow)
    return _rank_site(scene, rank)


def uneven_stages(scene: Scene) -> Site:
    """EW2: one stage of the pipeline has 1.2, 1.55 or 2.5 times its even part of the layers (of
    two stages at most 1.7 times). The others wait for it."""
    rank = _one_rank(scene)
    mine = np.flatnonzero(scene.layout.rank_server == scene.number)
    part = min(scene.pick(1.2, 1.55, 2.5), len(mine) - 0.3)
    rest = (len(mine) - part) / (len(mine) - 1)
    for other in mine:
        scene.levers.layers[scene.span, other] *= part if other == rank else rest
    return _rank_site(scene, rank, frozenset(scene.server.workers))


def hot_node(scene: Scene) -> Site:
    """EW3: routing sends 1.35, 1.8 or 2.5 times the even part to one node's experts."""
    rank = _one_rank(scene)
    mine = np.flatnonzero(scene.layout.rank_server == scene.number)
    heat = min(scene.pick(1.35, 1.8, 2.5), len(mine) - 0.4)
    rest = (len(mine) - heat) / (len(mine) - 1)
    for other in mine:
        scene.levers.heat[scene.span, other] *= heat if other == rank else rest
    return _rank_site(scene, rank)


def congestion(scene: Scene) -> Site:
    """EW4: a switch's queues are full to 40%, 62% or 90%: all links of this group and of at least
    one other go through it."""
    layout, chance = scene.layout, scene.chance
    servers = layout.cluster.servers
    others = [n for n, s in enumerate(servers) if s.form in _JOINED and n != scene.number]
    joined = {scene.number, *chance.choice(others, int(chance.integers(1, 3)), replace=False)}
    links = [link for link, found in enumerate(layout.links) if found[2] in joined]
    fill = min(0.95, scene.pick(0.4, 0.62, 0.88))
    for link in links:
        windows = scene.span.stop - scene.span.start
        level = fill + chance.normal(0, 0.04, windows)
        scene.levers.congestion[scene.span, link] = level.clip(0.05, 0.98)
    workers = frozenset(end for link in links for end in layout.links[link][:2])
    first = _one_link(scene)
    return Site(layout.links[first][0], layout.link_place(first), workers)


def blocked_head(scene: Scene) -> Site:
    """EW5: large messages of another class take 15%, 30% or 45% of one link, and small ones wait
    behind each for 0.12, 0.4 or 2 ms."""
    link = _one_link(scene)
    kind = scene.layout.cluster.kinds[scene.layout.links[link][0]]
    scene.levers.bulk_share[scene.span, link] = scene.pick(0.15, 0.3, 0.45)
    wait = scene.pick(1.2e-4, 4e-4, 2e-3)
    scene.levers.bulk_bytes[scene.span, link] = max(1.1e6, wait * kind.fabric_bytes_per_second)
    return _link_site(scene, link)


def bad_link(scene: Scene) -> Site:
    """EW6: one packet of 100,000, 10,000 or 1,000 is lost on one link; half of the times the cable
    shows symbol errors."""
    link = _one_link(scene)
    levers = scene.levers
    levers.link_loss[scene.span, link] += scene.pick(1e-5, 1e-4, 1e-3)
    if scene.chance.random() < 0.5:
        levers.cable_errors[scene.span, link] = scene.pick(2, 20, 200)
    return _link_site(scene, link)


def no_credits(scene: Scene) -> Site:
    """EW7: the receiver has no buffers posted for 7%, 25% or 50% of the time."""
    link = _one_link(scene)
    scene.levers.no_credits[scene.span, link] = scene.pick(0.07, 0.25, 0.5)
    return _link_site(scene, link)


def slow_handoff(scene: Scene) -> Site:
    """EW8: state moves from prefill to decode at 1/2, 1/5 or 1/12 of its usual rate."""
    link = _one_link(scene)
    scene.levers.state_share[scene.span, link] = 1 / scene.pick(2, 5, 12)
    return _link_site(scene, link)


def silent_node(scene: Scene) -> Site:
    """EW9: one node says nothing for 12%, 45% or 75% of the time, for 0.4, 1.5 or 5 s at a time
    (half of it by chance), while its worker is well. The others wait in their collectives."""
    rank = _one_rank(scene)
    share = min(0.85, scene.pick(0.12, 0.45, 0.75))
    lasting = scene.pick(0.4, 1.5, 5)
    at = float(scene.span.start)
    while at < scene.span.stop:
        at += lasting * (1 / share - 1) * scene.chance.uniform(0.5, 1.5)
        until = min(at + lasting * scene.chance.uniform(0.5, 1.5), scene.span.stop)
        for t in range(int(at), min(int(np.ceil(until)), scene.span.stop)):
            inside = max(0.0, min(until, t + 1) - max(at, t))
            scene.levers.silent_share[t, rank] += inside
            if until > t + 1:
                scene.levers.silent_seconds[t, rank] = t + 1 - at
        at = until
    return _rank_site(scene, rank)


FAULTS = {
    "EW1": Fault(("tensor", "across", "experts"), straggler),
    "EW2": Fault(("pipeline",), uneven_stages),
    "EW3": Fault(("experts",), hot_node),
    "EW4": Fault(_JOINED, congestion),
    "EW5": Fault(_JOINED, blocked_head),
    "EW6": Fault(_JOINED, bad_link),
    "EW7": Fault(_JOINED, no_credits),
    "EW8": Fault(("split",), slow_handoff),
    "EW9": Fault(("across", "experts"), silent_node),
}

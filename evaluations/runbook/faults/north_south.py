"""Faults between clients and workers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluations.runbook.arrivals import select, shifted
from evaluations.runbook.faults.base import EVERY, Fault, Scene, Site
from evaluations.runbook.levers import Floats
from evaluations.runbook.serving import capacity


def _inside(scene: Scene, at: Floats) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (at >= scene.span.start) & (at < scene.span.stop)
    return inside


def _head(scene: Scene) -> int:
    return scene.server.workers[0]


def _tail(scene: Scene) -> int:
    return int(scene.layout.tails[scene.number])


def bursts(scene: Scene) -> Site:
    """NS1: a batching client upstream holds requests back and lets them go at once, and sends more
    than can be served: 0.85, 1.15 or 1.6 times the capacity, in clusters of 3, 5 or 8 seconds."""
    stream = scene.streams[scene.number]
    inside = _inside(scene, stream.at_seconds)
    seconds = scene.span.stop - scene.span.start
    typical = capacity(scene.server, stream.prompt_tokens.mean(), stream.answer_tokens.mean())
    count = int(scene.pick(0.85, 1.15, 1.6) * typical * seconds)
    at = scene.span.start + scene.chance.random(count) * seconds
    hold = scene.pick(3, 5, 8)
    released = np.ceil((at - scene.span.start) / hold) * hold + scene.span.start
    at = np.minimum(released + scene.chance.exponential(0.12, count), scene.span.stop)
    which = scene.chance.integers(len(stream.at_seconds), size=count)
    kept = select(stream, ~inside)
    every = np.concatenate([np.flatnonzero(~inside), which])
    joined = select(stream, every)
    scene.streams[scene.number] = shifted(joined, np.concatenate([kept.at_seconds, at]))
    return Site(_head(scene))


def starvation(scene: Scene) -> Site:
    """NS2: the feeder stalls for 5, 15 or 40 seconds at a time, and lets 30%, 10% or 5% through."""
    stream = scene.streams[scene.number]
    inside = _inside(scene, stream.at_seconds)
    stall, share = scene.pick(5, 15, 40), scene.pick(0.3, 0.1, 0.05)
    stream = select(stream, ~inside | (scene.chance.random(len(inside)) < share))
    at = stream.at_seconds
    into = at - scene.span.start
    released = scene.span.start + np.ceil(into / stall) * stall
    held = np.minimum(released + 0.3 * scene.chance.random(len(at)), scene.span.stop)
    scene.streams[scene.number] = shifted(stream, np.where(_inside(scene, at), held, at))
    return Site(_head(scene))


def skewed_flows(scene: Scene) -> Site:
    """NS3: one session sends 35%, 60% or 80% of the requests, with prompts 2, 4 or 6 times as long;
    those of others shrink so that the tokens come to no more than a fifth above what they were."""
    stream = scene.streams[scene.number]
    inside = _inside(scene, stream.at_seconds)
    theirs = inside & (scene.chance.random(len(inside)) < scene.pick(0.35, 0.6, 0.8))
    longer = scene.pick(2, 4, 6)
    prompts = stream.prompt_tokens.copy()
    before = prompts[inside].sum()
    prompts[theirs] *= longer
    ratio = 1.2 * before / max(prompts[inside].sum(), 1.0)
    prompts[inside] *= min(1.0, ratio)
    sessions = np.where(theirs, 0, stream.sessions)
    scene.streams[scene.number] = stream._replace(prompt_tokens=prompts, sessions=sessions)
    return Site(_head(scene))


def ingress_loss(scene: Scene) -> Site:
    """NS4: 0.4%, 2% or 6% of packets are lost on the way in, by a bad path or for lack of buffers.
    Requests come late by timeouts."""
    worker = _head(scene)
    loss = scene.pick(0.004, 0.02, 0.06)
    overrun = scene.chance.random() < 0.5
    lever = scene.levers.ingress_overrun if overrun else scene.levers.ingress_loss
    lever[scene.span, worker] += loss
    stream = scene.streams[scene.number]
    at = stream.at_seconds
    packets = 1 + stream.prompt_tokens * scene.habits.request_bytes_per_token[scene.number] / 1448
    hit = scene.chance.random(len(at)) < 1 - (1 - 0.3 * loss) ** packets
    late = np.where(_inside(scene, at) & hit, scene.chance.choice((0.2, 0.4, 0.8), len(at)), 0)
    scene.streams[scene.number] = shifted(stream, at + late)
    return Site(worker)


def slow_receiver(scene: Scene) -> Site:
    """NS5: who takes the results takes only 85%, 60% or 30% of what is made."""
    worker = _tail(scene)
    scene.levers.receiver_share[scene.span, worker] = scene.pick(0.85, 0.6, 0.3)
    scene.levers.receiver_share[scene.span.stop :, worker] = 3.0  # What is left is taken quickly.
    return Site(worker)


def jitter(scene: Scene) -> Site:
    """NS6: the sender's thread gets to a token 0.4, 1.2 or 3 steps early or late, at the same load:
    it shares its core with something that runs in short bursts."""
    worker = _tail(scene)
    scene.levers.send_jitter[scene.span, worker] = scene.pick(0.4, 1.2, 3.0)
    scene.levers.cores_wanted[scene.span, worker] += 0.1
    return Site(worker)


def egress_loss(scene: Scene) -> Site:
    """NS7: 0.4%, 2% or 6% of packets are lost on the way out."""
    worker = _tail(scene)
    scene.levers.egress_loss[scene.span, worker] += scene.pick(0.004, 0.02, 0.06)
    return Site(worker)


def no_refill(scene: Scene) -> Site:
    """NS8: slots whose answers ended stay empty while others decode, with requests waiting; the
    lengths of answers differ as before, or more. Weak: they are filled every three seconds."""
    scene.levers.refill[scene.span, scene.number] = 0.08 if scene.intensity == "weak" else 0.0
    stream = scene.streams[scene.number]
    inside = _inside(scene, stream.at_seconds)
    answers = stream.answer_tokens.copy()
    spread = scene.pick(1.0, 1.1, 1.4)
    middle = np.median(answers)
    wider = middle * (answers / middle) ** spread
    wider *= answers.mean() / wider.mean()
    answers = np.where(inside, np.clip(wider, 1, 4000), answers)
    scene.streams[scene.number] = stream._replace(answer_tokens=answers)
    return Site(_tail(scene))


def full_line(scene: Scene) -> Site:
    """NS9: others on the machine fill its line to 80%, 93% or 99%."""
    worker = _head(scene)
    share = (0.80, 0.93, 0.985)[("weak", "moderate", "strong").index(scene.intensity)]
    share += scene.chance.uniform(-0.01, 0.01)
    scene.levers.line_others[scene.span, worker] = share
    return Site(worker, "eth0")


FAULTS = {
    "NS1": Fault(EVERY, bursts, load=0.25),
    "NS2": Fault(EVERY, starvation, load=0.3),
    "NS3": Fault(EVERY, skewed_flows, per_second=6.0),
    "NS4": Fault(EVERY, ingress_loss),
    "NS5": Fault(EVERY, slow_receiver, conversation=True),
    "NS6": Fault(EVERY, jitter, conversation=True),
    "NS7": Fault(EVERY, egress_loss, conversation=True),
    "NS8": Fault(EVERY, no_refill, conversation=True, load=0.6),
    "NS9": Fault(EVERY, full_line),
}

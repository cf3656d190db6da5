"""Faults between hosts and their accelerators."""

from __future__ import annotations

import numpy as np

from evaluations.runbook.cluster import Form
from evaluations.runbook.faults.base import Fault, Scene, Site
from evaluations.runbook.steps import MAPPING_SECONDS

_STEPPING: tuple[Form, ...] = ("single", "tensor", "replicas", "across", "experts", "pipeline")


def _site(scene: Scene, gpu: int) -> Site:
    return Site(scene.layout.gpus[gpu][0], scene.layout.gpu_place(gpu))


def _one_gpu(scene: Scene) -> int:
    return int(scene.chance.choice(np.flatnonzero(scene.layout.gpu_server == scene.number)))


def _one_worker(scene: Scene) -> tuple[int, list[int]]:
    """And the numbers of its GPUs."""
    worker = int(scene.chance.choice(scene.server.workers))
    return worker, np.flatnonzero(scene.layout.gpu_worker == worker).tolist()


def slow_input(scene: Scene) -> Site:
    """PC1: the input pipeline takes 0.2, 0.75 or 2 steps to have a step's input ready."""
    worker, _ = _one_worker(scene)
    waits = (scene.step_factor - 1) * scene.usual_step_seconds
    scene.levers.input_seconds[scene.span, worker] += waits
    return Site(worker)


def slow_output(scene: Scene) -> Site:
    """PC2: copies to the host wait for it, by 0.2, 0.75 or 2 steps."""
    gpu = _one_gpu(scene)
    waits = (scene.step_factor - 1) * scene.usual_step_seconds
    scene.levers.output_seconds[scene.span, gpu] = waits
    return _site(scene, gpu)


def slow_launches(scene: Scene) -> Site:
    """PC3: a launch costs so much (a driver's lock, a hypervisor) that a step takes 1.2, 1.75 or 3
    times as long as its kernels. Launches come at regular times."""
    worker, gpus = _one_worker(scene)
    stages = len(scene.server.workers) if scene.server.form == "pipeline" else 1
    seconds = scene.step_factor * scene.usual_step_seconds
    each = seconds / (scene.habits.launches[scene.number] * stages)
    for gpu in gpus:
        scene.levers.launch_seconds[scene.span, gpu] = each
        scene.levers.launch_jitter[scene.span, gpu] *= 0.8
    return Site(worker, "gpu0" if len(gpus) == 1 else "")


def uneven_gpus(scene: Scene) -> Site:
    """PC4: one GPU of the node has 1.25, 1.7 or 2.5 times its even part (at most 80% of all)."""
    gpu = _one_gpu(scene)
    mine = np.flatnonzero(scene.layout.gpu_server == scene.number)
    part = min(scene.pick(1.25, 1.7, 2.5), 0.8 * len(mine))
    rest = (len(mine) - part) / (len(mine) - 1)
    for other in mine:
        scene.levers.part[scene.span, other] *= part if other == gpu else rest
    return _site(scene, gpu)


def full_bus(scene: Scene) -> Site:
    """PC5: other contexts on the node load their weights all the time: 78%, 92% or 98% of what
    the link to the GPUs carries."""
    worker, gpus = _one_worker(scene)
    load = (0.78, 0.92, 0.98)[("weak", "moderate", "strong").index(scene.intensity)]
    scene.levers.bus_load[scene.span, gpus] = load + scene.chance.uniform(-0.01, 0.01)
    return Site(worker, "gpu0" if len(gpus) == 1 else "")


def throttled_peers(scene: Scene) -> Site:
    """PC6: copies between GPUs go through the host (25%, 70% or all of their bytes), or directly
    but 2, 4 or 8 times as slowly."""
    worker, gpus = _one_worker(scene)
    if scene.chance.random() < 0.6:
        scene.levers.bounced[scene.span, gpus] = min(1.0, scene.pick(0.25, 0.7, 1.0))
    else:
        scene.levers.peer_slow[scene.span, gpus] = scene.pick(2, 4, 8)
    return Site(worker)


def small_copies(scene: Scene) -> Site:
    """PC7: pinned memory is used up: copies go through buffers of 60, 12 or 4 kB."""
    worker, gpus = _one_worker(scene)
    scene.levers.chunk_bytes[scene.span, gpus] = scene.pick(6e4, 1.2e4, 4e3)
    return Site(worker, "gpu0" if len(gpus) == 1 else "")


def crowded_cores(scene: Scene) -> Site:
    """PC8: 1.25, 2.2 or 5 tasks want each core."""
    worker, _ = _one_worker(scene)
    scene.levers.cores_wanted[scene.span, worker] = scene.pick(1.25, 2.2, 5.0)
    return Site(worker)


def churning_registrations(scene: Scene) -> Site:
    """PC9: buffers are registered anew for each step; a step takes 1.2, 1.75 or 3 times as long."""
    worker, gpus = _one_worker(scene)
    waits = (scene.step_factor - 1) * scene.usual_step_seconds
    scene.levers.mappings_per_step[scene.span, gpus] = waits / MAPPING_SECONDS
    return Site(worker, "gpu0" if len(gpus) == 1 else "")


def early_end(scene: Scene) -> Site:
    """PC10: the streams of one GPU have ended in 15%, 40% or 70% of the steps in which others' go
    on; its slots stay empty then."""
    gpu = _one_gpu(scene)
    early = min(0.9, scene.pick(0.15, 0.4, 0.7))
    scene.levers.early[scene.span, gpu] = early
    gpus = scene.server.gpus_per_worker
    slots = scene.levers.slots[scene.span, scene.number]
    scene.levers.slots[scene.span, scene.number] = np.maximum(2, slots * (1 - early / gpus))
    return _site(scene, gpu)


FAULTS = {
    "PC1": Fault(_STEPPING, slow_input),
    "PC2": Fault(_STEPPING, slow_output),
    "PC3": Fault(_STEPPING, slow_launches),
    "PC4": Fault(("replicas", "tensor"), uneven_gpus),
    "PC5": Fault(_STEPPING, full_bus),
    "PC6": Fault(("tensor",), throttled_peers),
    "PC7": Fault(_STEPPING, small_copies),
    "PC8": Fault(_STEPPING, crowded_cores),
    "PC9": Fault(_STEPPING, churning_registrations),
    "PC10": Fault(("replicas",), early_end),
}

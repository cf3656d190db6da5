"""What differs between servers and links and stays as it is for a run: sizes of what is moved."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from evaluations.runbook.cluster import Layout
from evaluations.runbook.serving import usual_step_seconds


class Habits:
    """Arrays of shape (servers,), unless said otherwise."""

    def __init__(self, layout: Layout, chance: Generator) -> None:
        servers = layout.cluster.servers
        count = len(servers)
        self.request_bytes_per_token = chance.uniform(80, 300, count)
        """Requests carry documents, their frames and headers."""
        self.result_bytes_per_token = chance.uniform(60, 160, count)
        self.step_input_bytes = chance.uniform(8e4, 3e5, count)
        """Block tables, sampling parameters: to each GPU, per step."""
        self.prompt_input_bytes = chance.uniform(4e3, 3e4, count)
        """Embeddings and prefixes that come from the host: to each GPU, per token of a prompt."""
        self.output_bytes = chance.choice((3e3, 6.4e4, 2.6e5), count)
        """From each GPU, per token: some take logits to the host."""
        per_layer = np.array([chance.uniform(7, 11) for _ in servers])
        self.layers = np.array([server.model.layers for server in servers], np.float64)
        stages = [len(s.workers) if s.form == "pipeline" else 1 for s in servers]
        hidden = np.array([0.4 * usual_step_seconds(server) / 5e-6 for server in servers])
        self.launches = np.minimum(self.layers * per_layer, hidden) / np.array(stages)
        """Per step, to each GPU. Small models run as graphs, so that launching them is hidden."""
        self.collectives = np.array([2 * s.model.layers if s.group else 0 for s in servers])
        self.host_seconds = chance.uniform(3e-4, 1e-3, count)
        """Of the scheduler's own work per step, which nothing overlaps."""
        self.state_bytes_per_token = np.array(
            [4 * s.model.layers * s.model.hidden / 4 for s in servers]
        )
        """Keys and values of a token: two of each layer, in 2 bytes, a quarter of the heads."""
        self.latency_seconds = chance.uniform(1e-5, 3e-5, len(layout.links))
        """Round trip, shape (links,)."""
        self.late_slack = chance.uniform(4, 5)
        """Times its usual time that a hand-off may take before the decoder waits, median."""

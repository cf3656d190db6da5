"""All 28 conditions, by id."""

from __future__ import annotations

from pcm.telemetry.runbook.base import Condition
from pcm.telemetry.runbook.east_west import EAST_WEST
from pcm.telemetry.runbook.north_south import NORTH_SOUTH
from pcm.telemetry.runbook.pcie import PCIE

RUNBOOK: dict[str, Condition] = {
    condition.id: condition for condition in (*NORTH_SOUTH, *PCIE, *EAST_WEST)
}

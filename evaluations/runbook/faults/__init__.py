"""The 28 conditions as mechanisms: what is physically wrong, never what is read of it.

Weak is what one would see in hindsight; moderate what an operator would want to know, usually
steps that take 1.5 to 2 times as long or a share of traffic that is lost; strong is what users
complain of.
"""

from __future__ import annotations

from evaluations.runbook.faults import east_west, north_south, pcie
from evaluations.runbook.faults.base import Fault

FAULTS: dict[str, Fault] = {**north_south.FAULTS, **pcie.FAULTS, **east_west.FAULTS}
"""By condition."""

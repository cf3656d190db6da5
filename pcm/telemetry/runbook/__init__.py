"""The runbook: 28 conditions as small declarations over shared statistics, and what finds them.

``Detector`` takes windows and tells findings; ``findings_of`` does so for a whole recording.
"""

from pcm.telemetry.findings import Finding
from pcm.telemetry.runbook.base import Condition
from pcm.telemetry.runbook.catalogue import RUNBOOK
from pcm.telemetry.runbook.detector import Detector, findings_of

__all__ = ["RUNBOOK", "Condition", "Detector", "Finding", "findings_of"]

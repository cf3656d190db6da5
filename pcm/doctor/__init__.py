"""What works on this machine, what is missing for which engine, and how to mend it."""

from pcm.doctor.base import Check, Section
from pcm.doctor.examination import examine, local_engine_works

__all__ = ["Check", "Section", "examine", "local_engine_works"]

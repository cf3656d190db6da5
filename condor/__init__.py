"""Glideins: HTCondor jobs that start workers on other people's GPUs.

A user declares a *class* of them (``Glideins``), the provisioner keeps as many jobs of it as the
core wants, and each job (``glidein``, on the node) runs the launcher of one worker. HTCondor's
bindings are imported by ``schedd.py``, ``joblog.py`` and ``collector.py`` alone, and beside a
manager only in a process of their own (``service.py``): their calls hold the interpreter for as
long as a daemon does not answer.
"""

from __future__ import annotations

from condor.glideins import Glideins

__all__ = ["Glideins"]

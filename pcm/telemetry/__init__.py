"""From signals to findings and skew scores: what makes a worker slow, before its batches say so.

Readings of ``signals`` arrive in windows; the ``runbook`` finds conditions in them, ``attribution``
orders findings by cause, ``score`` makes them a factor on a worker's predicted time. No reading,
no finding; no finding and no measurement, a factor of exactly 1.
"""

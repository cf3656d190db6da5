"""What a worker can tell of itself beside its results: samplers, read once a second.

``Sampling`` finds the samplers that have a source on this machine, reads them, and reports what
they gave. Most workers have no more than what Linux tells everybody; accelerators, network cards
and exporters are read where they are there, those that may be slow in a thread of their own. What
a reading is called and what its place means: ``pcm/telemetry/signals.py``.
"""

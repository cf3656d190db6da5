"""The same on the real TaskVine: workers from outside of which two become slow, with their signs.

Three managers side by side, each with workers of its own, so that whatever else goes on here meets
all of them: one without telemetry, one with it, one that is told at once and exactly. Items sleep,
so that the machine's few cores are no limit. Readings are played by the workers' own replay, from
windows that are made as for the simulation and handed over when a worker first asks for them, so
that they show the slowness from its onset on; from there to the scheduler they go the way of real
ones.

The moments of onset are chosen such that knowing matters: the slow workers end their batches after
telemetry can have told, and before those that are well are there for the last ones. A moment at
which all ways come to the same would show nothing.
"""

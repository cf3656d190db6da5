"""The host of a worker: a supervisor, a template process, and one process per replica.

``python -m workers.host`` is the *supervisor*: one thread, one loop, no heavy imports. It starts a
*template* (``template.py``) that imports the heavy libraries and forks a *replica* process for each
context (``resident.py``), so that a crash or an out-of-memory ends one replica and not the worker,
and giving up a context frees its memory for certain.

    manager side  <- upstream ->  supervisor  <- link ->  replica (loads, then runs batches)
                                      |                      ^
                                      +-----> template ------+ forks

A replica of several ranks is as many processes, kept by one of their own (``ranks.py``), which is
the replica to the supervisor and the supervisor to the ranks.

Supervisor and replica speak the messages of ``workers.protocol`` too: a replica is given the orders
LoadContext, OffloadContext, DefineTask and RunBatch, and answers with ReplicaState, ReplicaFault,
ItemResults and BatchEnd. The supervisor knows its upstream only as an object that takes reports, so
that another transport than a socket can drive it.
"""

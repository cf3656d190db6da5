"""The host of a worker as a TaskVine library: one process for all contexts and batches.

``bootstrap.py`` is what the library's command runs: it unpacks the kit, our own package as a file
that TaskVine carries and caches, and starts ``program.py`` from it. The protocol between
``vine_worker`` and its library is in ``pipes.py``; how calls wait for their answers, in
``desk.py``; the link to ``workers.launch``, which watches over both, in ``presence.py``.
"""

"""Starts a ``vine_worker`` as a worker of ours, and stays with it until nothing of it is left.

``python -m workers.launch HOST:PORT --password-file FILE``. The launcher gives the worker an
identity, turns SIGTERM into a notice to the host, and ends all that belongs to the worker when a
part of it is gone: TaskVine itself would keep a dead library's calls and a dead worker's connection
for a long time.
"""

"""The files of contexts on a worker: found, brought or kept, and given to loaders as paths.

``LoadContext.trees`` say which files a context's arguments stand for. In this order the worker uses
the same path if the same files are there, its own hub cache, its *store* (a directory on its disk,
shared by the workers of one host, where files are kept under their content's hash), and at last
asks for what is missing: its manager has it brought by calls (``workers.carriage``).

``stager.py`` is what the supervisor knows. All that reads, hashes or copies happens in a thread of
its own; ``assembly.py`` is what that does.
"""

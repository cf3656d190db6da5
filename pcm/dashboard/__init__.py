"""The dashboard: a page, a JSON API and metrics over runs that go on or are over.

A process of its own (``python -m pcm.dashboard``), so that nothing it does costs a run: it reads
what managers write into the journals of runs, and answers about any moment of them. A manager
starts it for its runs when somebody looks (``pcm.Manager(dashboard=True)``), a person for any run
directory (``pcm dashboard DIR``). docs/dashboard.md tells the rest.
"""

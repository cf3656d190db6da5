"""Exit codes of ``pcm``."""

SUCCEEDED = 0
RUN_FAILED = 1
"""The run itself failed or the engine does not work; a run can be resumed."""
BAD_INPUT = 2
"""Usage or bad input; nothing was started."""
ITEMS_FAILED = 3
"""The run is finished, but some items failed."""
INTERRUPTED = 130
"""Stopped by Ctrl-C or SIGTERM; a run can be resumed."""

"""What is logged for people while a run goes on, shown where its progress is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Self

LOGGER = "pcm.glideins"


class Notices(logging.Handler):
    """As a context manager: shows the lines of that logger, on stderr or where ``show`` says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.show: Callable[[str], None] = _on_stderr
        self._logger = logging.getLogger(LOGGER)
        self._before = self._logger.level, self._logger.propagate

    def emit(self, record: logging.LogRecord) -> None:
        self.show(record.getMessage())

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.level, self._logger.propagate = self._before


def _on_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

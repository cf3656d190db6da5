from __future__ import annotations

import logging

import pytest

from pcm.watching.notices import LOGGER, Notices


def test_lines_go_where_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    logger, lines = logging.getLogger(LOGGER), []
    before = logger.level, logger.propagate, list(logger.handlers)
    with Notices() as notices:
        logger.info("found %d", 2)
        notices.show = lines.append
        logger.warning("doubt")
        logging.getLogger("pcm").info("not for people")
    assert capsys.readouterr().err == "found 2\n"
    assert lines == ["doubt"]
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
